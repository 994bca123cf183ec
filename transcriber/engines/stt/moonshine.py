"""
Moonshine tiny, a small English recogniser that needs no account: its files and how to run it.

The files come from the folder the administrator names, or from an installed wheel of
`moonshine-voice` 0.1.0 (later wheels carry no weights), which is located and never imported.
Their hashes are checked before the native library sees them.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transcriber.audio.block import Samples
from transcriber.engines.segments import RATE, Said
from transcriber.engines.vad import installed, session
from transcriber.errors import EngineError

__all__ = ["Files", "Listener", "Moonshine", "find", "read_tokens"]

TOKENS = 32_768
"""Entries of the vocabulary."""
BEGIN, END = 1, 2
"""The pieces before the first word and behind the last."""
PIECES = 6
"""Pieces a second that nobody says more of; a model that does repeats itself."""
HEADS, WIDTH = 8, 36
"""Shape of the decoder's memory."""
SAME = RATE // 10
"""Samples by which the beginning of an utterance is known again."""
TOKENIZER = ("tokenizer.bin", "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d")
BUILDS = (
    (
        ("encoder_model.ort", "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221"),
        (
            "decoder_model_merged.ort",
            "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
        ),
        TOKENIZER,
    ),
    (
        ("encoder_model.onnx", "c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a"),
        (
            "decoder_model_merged.onnx",
            "eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367",
        ),
        TOKENIZER,
    ),
)
"""Name and SHA-256 of the files of the two builds of the same model."""
SPACE = "\u2581".encode()
"""How the vocabulary writes a space at the beginning of a word."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where the model lies."""

    encoder: Path
    decoder: Path
    tokenizer: Path


def find(folder: Path | None) -> Files:
    """Return the model's files, their hashes checked."""
    wheel = installed("moonshine_voice")
    if folder is None and wheel is None:
        raise _missing("it is not installed")
    place = folder or (wheel or Path()) / "assets" / "tiny-en"
    problems = []
    for build in BUILDS:
        paths = [place / name for name, _ in build]
        if problem := _problem(paths, [want for _, want in build]):
            problems.append(problem)
        else:
            return Files(*paths)
    raise _missing(f"{place} has {', and '.join(problems)}")


def _missing(why: str) -> EngineError:
    return EngineError(
        "unusable",
        f"no English model: {why}",
        remedy="install moonshine-voice==0.1.0, set LOCAL_MODEL_DIR to a folder with encoder_model,"
        " decoder_model_merged and tokenizer.bin, or choose another ASR_BACKEND",
    )


def _problem(paths: list[Path], hashes: list[str]) -> str:
    if missing := [path.name for path in paths if not path.is_file()]:
        return f"no {', '.join(missing)}"
    wrong = [
        path.name
        for path, want in zip(paths, hashes, strict=True)
        if _hash(path, path.stat().st_mtime_ns) != want
    ]
    return f"another {', '.join(wrong)} than we know" if wrong else ""


@functools.lru_cache
def _hash(path: Path, changed: int) -> str:
    """The hash of a file, looked at again when it has `changed`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_tokens(data: bytes) -> list[bytes]:
    """Return the vocabulary: before each entry its length, in one byte or in two from 128 on."""
    tokens, at = [], 0
    while at < len(data):
        size, at = data[at], at + 1
        if size >= 128 and at < len(data):
            size, at = data[at] * 128 + size - 128, at + 1
        tokens.append(data[at : at + size])
        at += size
    if len(tokens) != TOKENS or at != len(data):
        raise EngineError("unusable", f"tokenizer.bin has {len(tokens)} entries, not {TOKENS}")
    return tokens


class Moonshine:
    """The loaded model, for everybody; `listener()` makes the memory of one speaker."""

    def __init__(self, files: Files) -> None:
        self._tokens = read_tokens(files.tokenizer.read_bytes())
        self._encoder, self._decoder = session(files.encoder), session(files.decoder)
        self._past = [
            one.name for one in self._decoder.get_inputs() if one.name.startswith("past_")
        ]
        self._own = [name for name in self._past if ".decoder." in name]
        present = [name.replace("past_key_values", "present") for name in self._own]
        self._wanted = ["logits", *present]

    def listener(self) -> Listener:
        """Make the memory of one speaker."""
        return Listener(self)

    def hear(self, audio: Samples, draft: Sequence[int]) -> list[int]:
        """
        Return what is said in some audio, piece by piece.

        `draft` is what may be its beginning: it is checked in one go, which costs little more than
        one piece does, and only behind what is right are pieces made one by one.
        """
        feed = self._encoded(audio)
        said, piece = self._checked(feed, draft)
        longest = len(audio) * PIECES // RATE + 1
        while piece != END and len(said) < longest:
            said.append(piece)
            feed["input_ids"] = np.array([[piece]], np.int64)
            logits, *present = self._decoder.run(self._wanted, feed)
            feed.update(zip(self._own, present, strict=True))
            piece = int(logits[0, -1].argmax())
        return said

    def text(self, pieces: Iterable[int]) -> str:
        """Return pieces as text."""
        joined = b"".join(self._tokens[piece] for piece in pieces)
        return joined.replace(SPACE, b" ").decode(errors="replace").strip()

    def _encoded(self, audio: Samples) -> dict[str, Any]:
        """What the decoder is to listen to, and no memory of what it has said."""
        mask = np.ones((1, len(audio)), np.int64)
        heard = {"input_values": audio[np.newaxis], "attention_mask": mask}
        (states,) = self._encoder.run(None, heard)
        nothing = np.zeros((1, HEADS, 0, WIDTH), np.float32)
        feed: dict[str, Any] = dict.fromkeys(self._past, nothing)
        return feed | {"encoder_hidden_states": states, "encoder_attention_mask": mask}

    def _checked(self, feed: dict[str, Any], draft: Sequence[int]) -> tuple[list[int], int]:
        """The right beginning of a draft and the piece behind it; `feed` remembers the former."""
        feed["input_ids"] = np.array([[BEGIN, *draft]], np.int64)
        feed["use_cache_branch"] = np.array([False])
        logits, *present = self._decoder.run(None, feed)
        best = [int(piece) for piece in logits[0].argmax(-1)]
        right = [guess == piece for guess, piece in zip(draft, best, strict=False)]
        good = [*right, False].index(False)
        for name, memory in zip(self._past, present, strict=True):
            feed[name] = memory[:, :, : good + 1] if ".decoder." in name else memory
        feed["use_cache_branch"] = np.array([True])
        return list(draft[:good]), best[good]


class Listener:
    """
    Recognises one speaker's segments; calling it keeps a thread busy.

    While an utterance is open its audio only grows, and so, mostly, do its words: those of the
    last time are where the next time begins.
    """

    def __init__(self, model: Moonshine) -> None:
        self._model = model
        self._begin = np.zeros(0, np.float32)
        self._said: list[int] = []

    def __call__(self, audio: Samples, language: str) -> Said:
        """Return the words in a segment of speech."""
        begin = audio[:SAME]
        draft = self._said if np.array_equal(begin, self._begin) else []
        self._said, self._begin = self._model.hear(audio, draft), begin
        return Said(self._model.text(self._said))
