"""
What is on the wire, in both directions and both protocols; shared with clients.

`/v1/stream` takes audio as binary messages and answers in JSON objects that always carry `type`,
`text`, `final` and `vad_end`: a client that knows only the last three shows live words (`final`
false) and whole segments (`final` true). Reasons travel in JSON because proxies lose close codes.

`/api/asr-streaming` is the protocol of Kyutai's `moshi-server`: msgpack maps, audio as a list of
floats. Packing and unpacking such a list element by element costs forty times more than all the
rest, so it is built and read as one numpy array of five-byte elements; other spellings of the same
list are understood too, only slower.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import msgpack
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EOS",
    "FRAME",
    "MAX_MESSAGE",
    "RATE",
    "SECONDS",
    "Audio",
    "Command",
    "End",
    "Error",
    "Finish",
    "Flush",
    "Flushed",
    "Format",
    "Init",
    "Malformed",
    "Marker",
    "Message",
    "OggOpus",
    "Pcm",
    "Ready",
    "Samples",
    "Segment",
    "SpeechStarted",
    "Step",
    "Text",
    "Word",
    "WordEnded",
    "clean",
    "command",
    "decode",
    "decode_moshi",
    "encode",
    "encode_command",
    "encode_moshi",
    "pack_audio",
    "pack_request",
    "unpack_request",
]

RATE = 24_000
"""Samples per second of all audio, one channel."""
FRAME = 1_920
"""Samples the model hears at a time."""
SECONDS = FRAME / RATE
"""Length of a frame: 80 ms."""
MAX_MESSAGE = 1 << 20
"""Bytes of the longest message either side accepts; ten seconds of float32 audio."""
EOS = b"EOS"
"""A binary message that older clients send instead of the `end` command."""

Samples = NDArray[np.float32]
Format = Literal["f32", "s16", "opus"]
"""How audio comes in: `?format=` of `/v1/stream`; `opus` is one packet in each message."""


class Malformed(ValueError):
    """What came in is not of this protocol. Sending it again cannot help."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The first message: audio may come; `formats` are those that the next stream may have."""

    slot: int = 0
    formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A word, and when it was said in seconds of the client's own audio."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Segment:
    """The speaker seems to have finished: all words since the last segment."""

    text: str
    start: float
    end: float
    time: float


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody speaks again after a pause; comes ahead of the first word."""

    time: float


@dataclass(frozen=True, slots=True)
class Flushed:
    """All audio before the flush of this id has been heard; `text` is what no segment has had."""

    id: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One frame was heard; only for who asked for it (`?steps=1`)."""

    index: int
    scores: tuple[float, ...]
    backlog: int


@dataclass(frozen=True, slots=True)
class End:
    """The last message; `text` is what no segment has had."""

    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Error:
    """Something is wrong; with `retry_after` the stream was refused and later may be accepted."""

    message: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Words from a server that says no more about them; only ever received."""

    text: str
    final: bool
    vad_end: bool


@dataclass(frozen=True, slots=True)
class WordEnded:
    """When the last word was over; only in the `moshi-server` protocol."""

    end: float


Message = Ready | Word | Segment | SpeechStarted | Flushed | Step | End | Error | Text

KINDS: dict[type[Message], tuple[str, bool, bool]] = {
    Ready: ("ready", False, False),
    Word: ("word", False, False),
    Segment: ("segment", True, True),
    SpeechStarted: ("speech", False, False),
    Flushed: ("flushed", True, False),
    Step: ("step", False, False),
    End: ("end", True, False),
    Error: ("error", False, False),
}
"""Name, `final` and `vad_end` of each message."""
NAMES = {name: kind for kind, (name, _, _) in KINDS.items()}


def encode(message: Message) -> str:
    """Make the JSON of a message from the server."""
    name, final, vad_end = KINDS[type(message)]
    body = {"type": name, "text": "", "final": final, "vad_end": vad_end}
    for key in message.__slots__:
        value = getattr(message, key)
        body[key] = round(value, 3) if isinstance(value, float) else value
    return json.dumps(body, ensure_ascii=False)


def decode(text: str) -> Message:
    """
    Read a message from the server; raises `Malformed`.

    A kind that is not known here is taken for `Text`, so that servers of other generations, which
    send only the three fields, are understood.
    """
    body = _object(text)
    kind = NAMES.get(str(body.get("type")))
    if kind is None:
        known = ("text", "final", "vad_end")
        words, final, vad_end = (body.get(key) for key in known)
        return Text(words if isinstance(words, str) else "", final is True, vad_end is True)
    fields = {key: body[key] for key in kind.__slots__ if key in body}
    for lists in ("scores", "formats"):
        if lists in fields:
            fields[lists] = tuple(fields[lists])
    try:
        return kind(**fields)
    except TypeError as error:
        raise Malformed(f"{body['type']}: {error}") from None


@dataclass(frozen=True, slots=True)
class Flush:
    """Transcribe everything sent so far at once."""

    id: int = 0


@dataclass(frozen=True, slots=True)
class Finish:
    """Transcribe everything sent so far and end."""


Command = Flush | Finish


def encode_command(wanted: Command) -> str:
    """Make the JSON of a command to the server."""
    if isinstance(wanted, Flush):
        return json.dumps({"type": "flush", "id": wanted.id})
    return json.dumps({"type": "end"})


def command(text: str) -> Command:
    """Read a command from a client; raises `Malformed`."""
    match _object(text):
        case {"type": "flush", "id": int(marker)}:
            return Flush(marker)
        case {"type": "flush"}:
            return Flush()
        case {"type": "end"}:
            return Finish()
    raise Malformed("commands are flush and end; audio goes into binary messages")


def _object(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Malformed("text is a JSON object; audio goes into binary messages")
    return body


class Pcm:
    """Binary messages of any size become samples; part of a sample waits for its rest."""

    def __init__(self, kind: Format) -> None:
        if kind not in get_args(Format) or kind == "opus":
            raise Malformed(f"the audio format {kind} is not known; use f32, s16 or opus")
        self._dtype = np.dtype("<f4" if kind == "f32" else "<i2")
        self._rest = b""

    def read(self, data: bytes) -> Samples:
        """Take in one message; gives what is complete."""
        data = self._rest + data if self._rest else data
        usable = len(data) - len(data) % self._dtype.itemsize
        self._rest = data[usable:]
        values = np.frombuffer(data, self._dtype, usable // self._dtype.itemsize)
        if self._dtype.kind == "i":
            return values * np.float32(1 / 32768)
        return values


def clean(samples: Samples) -> Samples:
    """
    Bound the signal, and silence what is no number.

    One such sample would stay in the model's memory of its slot and reach the next speaker there.
    """
    with np.errstate(invalid="ignore"):
        bounded = np.clip(samples, -1, 1)
        if np.isnan(bounded.sum()):
            np.nan_to_num(bounded, copy=False, nan=0.0)
    return bounded


# --- moshi-server --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Init:
    """A client says hello; nothing follows from it."""


@dataclass(frozen=True, slots=True)
class Audio:
    """Samples from a client."""

    pcm: Samples


@dataclass(frozen=True, slots=True)
class OggOpus:
    """The next piece of an Ogg stream from a client."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Marker:
    """A client wants to know when everything before this has been heard."""

    id: int


Request = Init | Audio | OggOpus | Marker

AUDIO = b"\x82\xa4type\xa5Audio\xa3pcm"
"""How a map of `type` Audio and `pcm` begins in msgpack, up to the list."""
SINGLE = np.dtype([("mark", "u1"), ("value", ">f4")])
DOUBLE = np.dtype([("mark", "u1"), ("value", ">f8")])
FLOATS = {0xCA: SINGLE, 0xCB: DOUBLE}
"""msgpack's two kinds of float, by the byte before each."""


def pack_audio(samples: Samples) -> bytes:
    """Make the Audio message of `moshi-server`."""
    elements = np.empty(len(samples), SINGLE)
    elements["mark"] = 0xCA
    elements["value"] = samples
    return AUDIO + b"\xdd" + len(samples).to_bytes(4, "big") + elements.tobytes()


def pack_request(request: Request) -> bytes:
    """Make any message of a client to `moshi-server`."""
    match request:
        case Init():
            return _pack({"type": "Init"})
        case Audio():
            return pack_audio(request.pcm)
        case OggOpus():
            return _pack({"type": "OggOpus", "data": request.data})
    return _pack({"type": "Marker", "id": request.id})


def unpack_request(data: bytes) -> Request:
    """Read a message of a client to `moshi-server`; raises `Malformed`."""
    if (samples := _unpack_floats(data)) is not None:
        return Audio(samples)
    match _unpack(data):
        case {"type": "Init"}:
            return Init()
        case {"type": "Audio", "pcm": list(pcm)}:
            return Audio(_numbers(pcm))
        case {"type": "OggOpus", "data": bytes(piece)}:
            return OggOpus(piece)
        case {"type": "Marker", "id": int(marker)}:
            return Marker(marker)
    raise Malformed("this is no message of moshi-server's clients")


def encode_moshi(message: Message) -> list[bytes]:
    """Say it as `moshi-server` does; some of our messages have no word there."""
    match message:
        case Ready():
            return [_pack({"type": "Ready"})]
        case Word(text, start, end):
            word = {"type": "Word", "text": text, "start_time": start}
            return [_pack(word), _pack({"type": "EndWord", "stop_time": end})]
        case Step(index, scores, backlog):
            prs = list(scores)
            step = {"type": "Step", "step_idx": index, "prs": prs, "buffered_pcm": backlog}
            return [_pack(step)] if prs else []
        case Flushed(marker):
            return [_pack({"type": "Marker", "id": marker})]
        case Error(text):
            return [_pack({"type": "Error", "message": text})]
        case End(reason) if reason != "ended":
            return [_pack({"type": "Error", "message": reason})]
    return []


def decode_moshi(data: bytes) -> Message | WordEnded:
    """Read what `moshi-server` says; raises `Malformed`."""
    match _unpack(data):
        case {"type": "Ready"}:
            return Ready()
        case {"type": "Word", "text": str(text), "start_time": float() | int() as start}:
            return Word(text, start, start)
        case {"type": "EndWord", "stop_time": float() | int() as stop}:
            return WordEnded(stop)
        case {
            "type": "Step",
            "step_idx": int(index),
            "prs": list(scores),
            "buffered_pcm": int(buffered),
        }:
            return Step(index, tuple(scores), buffered)
        case {"type": "Marker", "id": int(marker)}:
            return Flushed(marker)
        case {"type": "Error", "message": str(reason)}:
            return Error(reason)
    raise Malformed("this is no message of moshi-server")


def _unpack_floats(data: bytes) -> Samples | None:
    """Read the usual Audio message without making a Python object of every sample."""
    if not data.startswith(AUDIO):
        return None
    begin = len(AUDIO)
    match data[begin : begin + 1]:
        case b"\xdc":
            size = 2
        case b"\xdd":
            size = 4
        case _:
            return None
    count = int.from_bytes(data[begin + 1 : begin + 1 + size], "big")
    elements = memoryview(data)[begin + 1 + size :]
    kind = FLOATS.get(elements[0]) if elements else None
    if kind is None or len(elements) != count * kind.itemsize:
        return None
    array = np.frombuffer(elements, kind)
    if (array["mark"] != elements[0]).any():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        return array["value"].astype(np.float32)


def _numbers(values: list[Any]) -> Samples:
    if any(type(value) not in (float, int) for value in values):
        raise Malformed("pcm is a list of numbers")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array(values, np.float64).astype(np.float32)


def _pack(body: dict[str, Any]) -> bytes:
    return cast(bytes, msgpack.packb(body))


def _unpack(data: bytes) -> Any:
    try:
        return msgpack.unpackb(data)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise Malformed(f"this is no msgpack: {error}") from None
