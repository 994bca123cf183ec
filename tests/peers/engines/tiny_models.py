"""
Models of every kind that the embedded recogniser runs, a few kilobytes each: the graphs have the
inputs, outputs and notes that the real ones have, so the real loader and the real decoding run.

They say `Hello world.` whatever they hear (Whisper `Hallo Welt.` when it is told that it is
German); the one that hears word by word says `ONE TWO THREE ...` as long as it is loud.
"""

from __future__ import annotations

import base64
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.onnx_ml_pb2 import ModelProto, NodeProto

from transcriber.engines.models import Kind

__all__ = ["COUNTED", "PHONEMES", "build", "build_voice", "pack"]

COUNTED = ("one", "two", "three", "four", "five", "six", "seven", "eight")
HELLO = ("\u2581Hello", "\u2581world", ".")
PHONEMES = "_^$ abcdefghijklmnopqrstuvwxyz,.!?:;" + (
    "\u00e6\u00f0\u014b\u0250\u0251\u0254\u0259\u025a\u025b\u025c\u0261\u026a\u0279\u027e"
    "\u0283\u028a\u028c\u0292\u03b8\u02c8\u02cc\u02d0"
)
"""What the tiny voice knows, by its numbers."""
EVERY = 5
"""Chunks of 40 ms from one counted word to the next."""
LOUD = -8.0
"""Mean of the logarithmic spectrum from which on somebody speaks."""
Shape = Sequence[int | str]
FLOAT, LONG, INT = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32


def build(kind: Kind, folder: Path) -> Path:
    """Make a model in a folder, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    {
        "whisper": _whisper,
        "sense-voice": _sense_voice,
        "nemo": _nemo,
        "zipformer": _zipformer,
        "zipformer-streaming": _streaming,
    }[kind](folder)
    return folder


def build_voice(model: Path, **description: object) -> Path:
    """Make a Piper voice that hums each phoneme for a fiftieth of a second; returns the file."""
    speakers = int(str(description.get("num_speakers", 1)))
    inputs: dict[str, tuple[int, Shape]] = {
        "input": (LONG, ("n", "phonemes")), "input_lengths": (LONG, ("n",)), "scales": (FLOAT, (3,))
    }  # fmt: skip
    if speakers > 1:
        inputs["sid"] = (LONG, ("n",))
    model.parent.mkdir(parents=True, exist_ok=True)
    _graph(
        model,
        [
            helper.make_node("Gather", ["scales", "second"], ["slow"], axis=0),
            helper.make_node("Mul", ["slow", "each"], ["length"]),
            helper.make_node("Cast", ["length"], ["samples"], to=LONG),
            helper.make_node("Concat", ["once", "samples"], ["times"], axis=0),
            helper.make_node("Cast", ["input"], ["levels"], to=FLOAT),
            helper.make_node("Mul", ["levels", "small"], ["quiet"]),
            helper.make_node("Unsqueeze", ["quiet", "last"], ["column"]),
            helper.make_node("Tile", ["column", "times"], ["rows"]),
            helper.make_node("Reshape", ["rows", "flat"], ["output"]),
        ],
        inputs,
        {"output": (FLOAT, ("n", 1, 1, "samples"))},
        {
            "second": np.array([1], np.int64), "each": np.array(441, np.float32),
            "once": np.array([1, 1], np.int64), "small": np.array(0.01, np.float32),
            "last": np.array([2], np.int64), "flat": np.array([1, 1, 1, -1], np.int64),
        },
    )  # fmt: skip
    told: dict[str, object] = {
        "audio": {"sample_rate": 22_050}, "espeak": {"voice": "en-us"},
        "phoneme_id_map": {one: [number] for number, one in enumerate(PHONEMES)},
    }  # fmt: skip
    model.with_name(f"{model.name}.json").write_text(json.dumps(told | description))
    return model


def pack(folder: Path, archive: Path) -> None:
    """Make an archive as the makers of models do, with recordings in it that nobody wants."""
    with tarfile.open(archive, "w:bz2") as tar:
        tar.add(folder, folder.name)
        tar.add(__file__, f"{folder.name}/test_wavs/0.wav")


def _graph(
    path: Path,
    nodes: Sequence[NodeProto],
    inputs: Mapping[str, tuple[int, Shape]],
    outputs: Mapping[str, tuple[int, Shape]],
    constants: Mapping[str, np.ndarray],
    **notes: object,
) -> None:
    def values(of: Mapping[str, tuple[int, Shape]]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(name, *what) for name, what in of.items()]

    graph = helper.make_graph(
        nodes,
        "tiny",
        values(inputs),
        values(outputs),
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    model: ModelProto = helper.make_model(graph, opset_imports=opset, ir_version=8)
    for name, note in notes.items():
        model.metadata_props.add(key=name, value=str(note))
    onnx.save(model, str(path))


def _tokens(path: Path, tokens: Sequence[str], *, encoded: bool = False) -> None:
    names = [base64.b64encode(t.encode()).decode() if encoded else t for t in tokens]
    path.write_text("".join(f"{name} {number}\n" for number, name in enumerate(names)))


def _spelled(rows: Sequence[int], size: int, blank: int) -> np.ndarray:
    """What is said in frame after frame, and a last row that says nothing."""
    table = np.zeros((len(rows) + 1, size), np.float32)
    table[:, blank] = 1
    for frame, token in enumerate([*rows, blank]):
        table[frame, token] = 10
    return table


def _row_by_row(length: str, rows: int) -> list[NodeProto]:
    """Nodes that make `frames`: the rows of `table`, the last again until there are `length`."""
    return [
        helper.make_node("Range", ["zero", length, "one"], ["numbers"]),
        helper.make_node("Min", ["numbers", "last"], ["indices"]),
        helper.make_node("Gather", ["table", "indices"], ["frames"], axis=0),
    ]


def _counters(rows: int) -> dict[str, np.ndarray]:
    return {
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "last": np.array([rows], np.int64),
        "first": np.array([0], np.int64),
    }


def _whisper(folder: Path) -> None:
    words = [" Hello", " world", ".", " Hallo", " Welt", "<s>", "<e>", "<en>", "<de>", "<t>", "<n>"]
    ids = {word: number for number, word in enumerate(words)}
    after = np.zeros((len(words), len(words)), np.float32)
    chain = (("<en>", " Hello"), (" Hello", " world"), (" world", "."), (".", "<e>"))
    for word, following in (*chain, ("<de>", " Hallo"), (" Hallo", " Welt"), (" Welt", ".")):
        after[ids[word], ids[following]] = 10
    cross = {"n_layer_cross_k": (FLOAT, (1, 1, 1, 4)), "n_layer_cross_v": (FLOAT, (1, 1, 1, 4))}
    nothing = np.zeros((1, 1, 1, 4), np.float32)
    _graph(
        folder / "tiny-encoder.onnx",
        [helper.make_node("Identity", ["nothing"], [name]) for name in cross],
        {"mel": (FLOAT, (1, 80, "frames"))},
        cross,
        {"nothing": nothing},
        n_mels=80, n_text_layer=1, n_text_ctx=448, n_text_state=4, n_vocab=len(words),
        sot=ids["<s>"], eot=ids["<e>"], blank_id=ids[" Hello"], translate=ids["<t>"],
        transcribe=ids["<t>"], is_multilingual=1, no_timestamps=ids["<n>"], no_speech=ids["<n>"],
        sot_sequence=f"{ids['<s>']},{ids['<en>']},{ids['<t>']}",
        all_language_tokens=f"{ids['<en>']},{ids['<de>']}", all_language_codes="en,de",
    )  # fmt: skip
    cache = (FLOAT, (1, 1, 448, 4))
    _graph(
        folder / "tiny-decoder.onnx",
        [
            helper.make_node("Gather", ["after", "tokens"], ["each"], axis=0),
            helper.make_node("ReduceSum", ["each", "axis"], ["sum"], keepdims=1),
            helper.make_node("Mul", ["each", "none"], ["zeros"]),
            helper.make_node("Add", ["zeros", "sum"], ["logits"]),
            helper.make_node("Identity", ["in_k"], ["out_k"]),
            helper.make_node("Identity", ["in_v"], ["out_v"]),
        ],
        {"tokens": (LONG, (1, "n")), "in_k": cache, "in_v": cache, **cross, "offset": (LONG, (1,))},
        {"logits": (FLOAT, (1, "n", len(words))), "out_k": cache, "out_v": cache},
        {"after": after, "axis": np.array([1], np.int64), "none": np.zeros(1, np.float32)},
    )
    _tokens(folder / "tiny-tokens.txt", words, encoded=True)


def _sense_voice(folder: Path) -> None:
    tokens = ["<blank>", "<|en|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>", *HELLO]
    rows = [1, 2, 3, 4, 0, 5, 0, 0, 6, 7]
    _graph(
        folder / "model.int8.onnx",
        [
            helper.make_node("Cast", ["x_length"], ["long"], to=LONG),
            helper.make_node("Add", ["long", "four"], ["all"]),
            helper.make_node("Squeeze", ["all", "first"], ["length"]),
            *_row_by_row("length", len(rows)),
            helper.make_node("Unsqueeze", ["frames", "first"], ["logits"]),
        ],
        {
            "x": (FLOAT, ("n", "frames", 560)),
            "x_length": (INT, ("n",)),
            "language": (INT, ("n",)),
            "text_norm": (INT, ("n",)),
        },
        {"logits": (FLOAT, ("n", "out", len(tokens)))},
        _counters(len(rows)) | {
            "four": np.array([4], np.int64), "table": _spelled(rows, len(tokens), 0)
        },
        comment="tiny", vocab_size=len(tokens), blank_id=0, lfr_window_size=7, lfr_window_shift=6,
        normalize_samples=0, with_itn=14, without_itn=15, lang_auto=0, lang_zh=3, lang_en=4,
        lang_ja=11, lang_ko=12, lang_yue=7, neg_mean=",".join(["0"] * 560),
        inv_stddev=",".join(["1"] * 560),
    )  # fmt: skip
    _tokens(folder / "tokens.txt", tokens)


def _nemo(folder: Path) -> None:
    size, blank = len(HELLO) + 1, len(HELLO)
    rows = [blank, 0, blank, 1, 2]
    state = (FLOAT, (1, "n", 4))
    _graph(
        folder / "encoder.int8.onnx",
        [
            helper.make_node("Div", ["length", "eight"], ["encoded_lengths"]),
            helper.make_node("Squeeze", ["encoded_lengths", "first"], ["long"]),
            *_row_by_row("long", len(rows)),
            helper.make_node("Transpose", ["frames"], ["turned"], perm=[1, 0]),
            helper.make_node("Unsqueeze", ["turned", "first"], ["outputs"]),
        ],
        {"audio_signal": (FLOAT, ("n", 80, "frames")), "length": (LONG, ("n",))},
        {"outputs": (FLOAT, ("n", size, "out")), "encoded_lengths": (LONG, ("n",))},
        _counters(len(rows))
        | {"eight": np.array([8], np.int64), "table": _spelled(rows, size, blank)},
        vocab_size=len(HELLO), subsampling_factor=8, normalize_type="per_feature",
        pred_rnn_layers=1, pred_hidden=4,
    )  # fmt: skip
    said_before = -100 * np.eye(size, dtype=np.float32)
    said_before[blank] = 0
    _graph(
        folder / "decoder.int8.onnx",
        [
            helper.make_node("Gather", ["said_before", "targets"], ["rows"], axis=0),
            helper.make_node("Transpose", ["rows"], ["outputs"], perm=[0, 2, 1]),
            helper.make_node("Identity", ["target_length"], ["prednet_lengths"]),
            helper.make_node("Identity", ["states.1"], ["states"]),
            helper.make_node("Identity", ["onnx::Slice_3"], ["162"]),
        ],
        {
            "targets": (INT, ("n", 1)),
            "target_length": (INT, ("n",)),
            "states.1": state,
            "onnx::Slice_3": state,
        },
        {
            "outputs": (FLOAT, ("n", size, 1)),
            "prednet_lengths": (INT, ("n",)),
            "states": state,
            "162": state,
        },
        {"said_before": said_before},
    )
    _graph(
        folder / "joiner.int8.onnx",
        [
            helper.make_node("Add", ["encoder_outputs", "decoder_outputs"], ["sum"]),
            helper.make_node("Transpose", ["sum"], ["turned"], perm=[0, 2, 1]),
            helper.make_node("Unsqueeze", ["turned", "axis"], ["outputs"]),
        ],
        {
            "encoder_outputs": (FLOAT, ("n", size, 1)),
            "decoder_outputs": (FLOAT, ("n", size, 1)),
        },
        {"outputs": (FLOAT, ("n", 1, 1, size))},
        {"axis": np.array([1], np.int64)},
    )
    _tokens(folder / "tokens.txt", [*HELLO, "<blk>"])


def _transducer(folder: Path, tokens: Sequence[str], suffix: str) -> None:
    """The two small parts that all transducers of k2 have: here they say what the encoder says."""
    size = len(tokens)
    _graph(
        folder / f"decoder{suffix}",
        [
            helper.make_node("Cast", ["y"], ["numbers"], to=FLOAT),
            helper.make_node("ReduceSum", ["numbers", "axis"], ["sum"], keepdims=1),
            helper.make_node("Mul", ["sum", "nothing"], ["decoder_out"]),
        ],
        {"y": (LONG, ("n", 2))},
        {"decoder_out": (FLOAT, ("n", size))},
        {"axis": np.array([1], np.int64), "nothing": np.zeros((1, size), np.float32)},
        vocab_size=size,
        context_size=2,
    )
    parts = {"encoder_out": (FLOAT, ("n", size)), "decoder_out": (FLOAT, ("n", size))}
    _graph(
        folder / f"joiner{suffix}",
        [helper.make_node("Add", list(parts), ["logit"])],
        parts,
        {"logit": (FLOAT, ("n", size))},
        {},
        joiner_dim=size,
    )
    _tokens(folder / "tokens.txt", tokens)


def _zipformer(folder: Path) -> None:
    tokens = ["<blk>", "\u2581HELLO", "\u2581WORLD"]
    rows = [0, 1, 0, 2]
    _graph(
        folder / "encoder-epoch-1-avg-1.onnx",
        [
            helper.make_node("Div", ["x_lens", "four"], ["encoder_out_lens"]),
            helper.make_node("Squeeze", ["encoder_out_lens", "first"], ["length"]),
            *_row_by_row("length", len(rows)),
            helper.make_node("Unsqueeze", ["frames", "first"], ["encoder_out"]),
        ],
        {"x": (FLOAT, ("n", "frames", 80)), "x_lens": (LONG, ("n",))},
        {"encoder_out": (FLOAT, ("n", "out", len(tokens))), "encoder_out_lens": (LONG, ("n",))},
        _counters(len(rows))
        | {"four": np.array([4], np.int64), "table": _spelled(rows, len(tokens), 0)},
        model_type="zipformer2",
    )
    _transducer(folder, tokens, "-epoch-1-avg-1.onnx")


def _streaming(folder: Path) -> None:
    """The state is a count of loud chunks; silence sets it back."""
    tokens = ["<blk>", *(f"\u2581{word.upper()}" for word in COUNTED)]
    rows = [0] * (EVERY * len(COUNTED))
    rows[::EVERY] = range(1, len(tokens))
    state = (FLOAT, (1, "n", 1))
    constants: dict[str, np.ndarray] = {
        "loud": np.array(LOUD, np.float32),
        "step": np.array([[[1]]], np.float32),
        "cycle": np.array(len(rows), np.int64),
        "quiet": np.array(len(rows), np.int64),
        "flat": np.array([1, 1], np.int64),
        "axes": np.array([0, 1, 2], np.int64),
        "table": _spelled(rows, len(tokens), 0),
    }
    _graph(
        folder / "encoder-epoch-1-avg-1.onnx",
        [
            helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
            helper.make_node("Greater", ["mean", "loud"], ["speaks"]),
            helper.make_node("Cast", ["speaks"], ["whether"], to=FLOAT),
            helper.make_node("Add", ["c", "step"], ["more"]),
            helper.make_node("Mul", ["more", "whether"], ["next_c"]),
            helper.make_node("Identity", ["h"], ["next_h"]),
            helper.make_node("Cast", ["c"], ["count"], to=LONG),
            helper.make_node("Mod", ["count", "cycle"], ["turn"]),
            helper.make_node("Where", ["speaks", "turn", "quiet"], ["row"]),
            helper.make_node("Reshape", ["row", "flat"], ["index"]),
            helper.make_node("Gather", ["table", "index"], ["encoder_out"], axis=0),
        ],
        {"x": (FLOAT, ("n", 9, 80)), "h": state, "c": state},
        {"encoder_out": (FLOAT, ("n", 1, len(tokens))), "next_h": state, "next_c": state},
        constants,
        model_type="lstm", num_encoder_layers=1, T=9, decode_chunk_len=4, rnn_hidden_size=1,
        d_model=1,
    )  # fmt: skip
    _transducer(folder, tokens, "-epoch-1-avg-1.onnx")
