from __future__ import annotations

import contextlib
import json
import struct
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modal_app import protocol
from modal_app.protocol import (
    Audio,
    End,
    Error,
    Finish,
    Flush,
    Flushed,
    Init,
    Malformed,
    Marker,
    Message,
    OggOpus,
    Pcm,
    Ready,
    Segment,
    SpeechStarted,
    Step,
    Text,
    Word,
    WordEnded,
)

EVERY: list[Message] = [
    Ready(3, ("f32", "s16")),
    Word("Straße", 1.25, 1.5),
    Segment("Hello there.", 0.5, 1.5, 1.75),
    SpeechStarted(2.0),
    Flushed(7, "rest"),
    Step(9, (0.5, 0.25), 1920),
    End("idle", "rest"),
    Error("full", 2.0),
]


@pytest.mark.parametrize("message", EVERY, ids=lambda m: type(m).__name__)
def test_every_message_survives_the_wire_and_carries_the_three_fields(message: Message) -> None:
    body = json.loads(protocol.encode(message))

    assert {"type", "text", "final", "vad_end"} <= body.keys()
    assert protocol.decode(protocol.encode(message)) == message


def test_only_a_segment_ends_a_turn_and_live_words_are_not_final() -> None:
    flags = {type(m): json.loads(protocol.encode(m)) for m in EVERY}

    assert [kind for kind, body in flags.items() if body["vad_end"]] == [Segment]
    assert [kind for kind, body in flags.items() if body["final"]] == [Segment, Flushed, End]


def test_times_are_cut_to_milliseconds() -> None:
    assert json.loads(protocol.encode(Word("a", 1 / 3, 2 / 3)))["start"] == 0.333


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"type": "token", "text": "hi"}, Text("hi", final=False, vad_end=False)),
        ({"text": "hi", "final": True, "vad_end": True}, Text("hi", final=True, vad_end=True)),
        ({"type": "vad_end"}, Text("", final=False, vad_end=False)),
        ({"type": "ping", "text": 5}, Text("", final=False, vad_end=False)),
    ],
)
def test_servers_of_other_generations_are_understood(said: dict[str, Any], meant: Text) -> None:
    assert protocol.decode(json.dumps(said)) == meant


@pytest.mark.parametrize("text", ["", "[]", "{", '{"type": "word"}', "[" * 100_000])
def test_what_is_no_message_is_called_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        protocol.decode(text)


@pytest.mark.parametrize("wanted", [Flush(5), Flush(), Finish()])
def test_commands_survive_the_wire(wanted: Flush | Finish) -> None:
    assert protocol.command(protocol.encode_command(wanted)) == wanted


def test_a_flush_needs_no_id() -> None:
    assert protocol.command('{"type": "flush"}') == Flush(0)


@pytest.mark.parametrize("text", ["hello", "null", '{"type": "dance"}'])
def test_other_text_is_no_command(text: str) -> None:
    with pytest.raises(Malformed):
        protocol.command(text)


@given(st.lists(st.floats(-1, 1, width=32)), st.lists(st.integers(1, 50), max_size=20))
def test_samples_cut_anywhere_come_out_whole(values: list[float], cuts: list[int]) -> None:
    data, pcm, got = np.array(values, "<f4").tobytes(), Pcm("f32"), []
    for cut in [*cuts, len(data)]:
        got.extend(pcm.read(data[:cut]).tolist())
        data = data[cut:]

    assert got == values


def test_int16_is_scaled_to_the_same_range() -> None:
    data = np.array([-32768, 0, 16384], "<i2").tobytes()

    assert Pcm("s16").read(data).tolist() == [-1.0, 0.0, 0.5]


@pytest.mark.parametrize("kind", ["opus", "f64"])
def test_pcm_reads_no_other_format(kind: Any) -> None:
    with pytest.raises(Malformed, match="f32, s16 or opus"):
        Pcm(kind)


def test_samples_that_are_no_numbers_become_silence_and_loud_ones_are_bounded() -> None:
    dirty = np.array([np.nan, np.inf, -np.inf, 7.0, 0.5], np.float32)

    assert protocol.clean(dirty).tolist() == [0.0, 1.0, -1.0, 1.0, 0.5]
    assert protocol.clean(np.array([0.25, -3.0], np.float32)).tolist() == [0.25, -1.0]


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=70_000))
def test_audio_is_packed_exactly_as_msgpack_would_and_read_back(values: list[float]) -> None:
    samples = np.array(values, np.float32)
    packed = protocol.pack_audio(samples)
    message = protocol.unpack_request(packed)

    assert msgpack.unpackb(packed) == {"type": "Audio", "pcm": values}
    assert isinstance(message, Audio)
    assert message.pcm.tolist() == values


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("count", [0, 15, 1_920, 70_000])
def test_audio_from_any_msgpack_library_is_understood(count: int, *, single: bool) -> None:
    values = [index / 1024 for index in range(count)]
    body = {"type": "Audio", "pcm": values}
    message = protocol.unpack_request(msgpack.packb(body, use_single_float=single))

    assert isinstance(message, Audio)
    assert message.pcm.tolist() == values


@pytest.mark.parametrize(
    "body",
    [
        {"type": "Audio", "pcm": [0, 0.5, *[0.25] * 20]},
        {"type": "Audio", "pcm": [0.5, 0, *[0.25] * 20]},
        {"pcm": [0.5, 0.25], "type": "Audio"},
        {"type": "Audio", "pcm": [2**63, 1e30]},
    ],
)
def test_numbers_of_several_kinds_are_read_one_by_one(body: dict[str, Any]) -> None:
    message = protocol.unpack_request(msgpack.packb(body))

    assert isinstance(message, Audio)
    assert message.pcm.tolist() == np.array(body["pcm"], np.float64).astype(np.float32).tolist()


def test_a_list_that_mixes_the_sizes_of_floats_is_read_right() -> None:
    mixed = struct.pack(">Bf", 0xCA, 0.5) * 8 + struct.pack(">Bd", 0xCB, 0.25) * 5
    body = protocol.AUDIO + b"\xdc" + (13).to_bytes(2, "big") + mixed
    message = protocol.unpack_request(body)

    assert isinstance(message, Audio)
    assert message.pcm.tolist() == [0.5] * 8 + [0.25] * 5


def test_one_strange_element_among_elements_of_the_right_size_is_seen() -> None:
    elements = struct.pack(">Bf", 0xCA, 0.5) * 3 + struct.pack(">BI", 0xCE, 7)
    message = protocol.unpack_request(protocol.AUDIO + b"\xdc\x00\x04" + elements)

    assert isinstance(message, Audio)
    assert message.pcm.tolist() == [0.5, 0.5, 0.5, 7.0]


@pytest.mark.parametrize("request_", [Init(), OggOpus(b"OggS"), Marker(9)])
def test_every_request_survives_the_wire(request_: Init | OggOpus | Marker) -> None:
    assert protocol.unpack_request(protocol.pack_request(request_)) == request_


def test_audio_can_be_packed_as_a_request() -> None:
    samples = np.array([0.5], np.float32)

    assert protocol.pack_request(Audio(samples)) == protocol.pack_audio(samples)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x91" * 2000,
        protocol.AUDIO + b"\xdd",
        protocol.AUDIO + b"\xdd\xff\xff\xff\xff\xca",
        msgpack.packb({"type": "Dance"}),
        msgpack.packb({"type": "Marker", "id": "one"}),
        msgpack.packb({"type": "Audio", "pcm": [0.5, "a"]}),
        msgpack.packb({"type": "Audio", "pcm": [[0.5]]}),
        msgpack.packb({"type": "Audio", "pcm": [True]}),
        msgpack.packb({7: 8}),
    ],
)
def test_what_is_no_request_is_called_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        protocol.unpack_request(body)


@given(st.binary(max_size=64), st.booleans())
def test_garbage_never_raises_anything_else(data: bytes, prefixed: bool) -> None:
    for read in (protocol.unpack_request, protocol.decode_moshi):
        with contextlib.suppress(Malformed):
            read(protocol.AUDIO + data if prefixed else data)


@pytest.mark.parametrize(
    ("message", "heard"),
    [
        (Ready(), [Ready()]),
        (Word("hi", 1.5, 1.75), [Word("hi", 1.5, 1.5), WordEnded(1.75)]),
        (Step(4, (0.5, 0.25), 1_920), [Step(4, (0.5, 0.25), 1_920)]),
        (Step(4, (), 1_920), []),
        (Flushed(3, "rest"), [Flushed(3)]),
        (Error("no free channels", 2.0), [Error("no free channels")]),
        (End("idle"), [Error("idle")]),
        (End("ended"), []),
        (Segment("hi", 1.0, 2.0, 2.0), []),
        (SpeechStarted(1.0), []),
    ],
)
def test_messages_are_said_as_moshi_server_says_them(
    message: Message, heard: list[Message | WordEnded]
) -> None:
    assert [protocol.decode_moshi(data) for data in protocol.encode_moshi(message)] == heard


@pytest.mark.parametrize("body", [{"type": "Word"}, ["Ready"], {"type": "Ready", 1: 2}])
def test_what_moshi_server_would_not_say_is_called_malformed(body: Any) -> None:
    with pytest.raises(Malformed):
        protocol.decode_moshi(msgpack.packb(body))
