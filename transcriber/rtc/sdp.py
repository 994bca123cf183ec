"""
Session descriptions, as far as audio needs them: reading offers and answers, writing ours.

Written by hand rather than taken from aiortc, because an answer has to refuse what aiortc would
accept (pictures, data), and because whatever a peer sends, the only thing that may be raised is
`BadInput`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from transcriber.errors import BadInput

__all__ = [
    "Candidate",
    "Codec",
    "Description",
    "Direction",
    "Ours",
    "Section",
    "answer",
    "candidate",
    "offer",
    "parse",
    "write",
]

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

BUNDLED = 9
"""The port that stands for "where the others are"; GStreamer writes 0 in offers (RFC 9143)."""
LARGEST = 200_000
"""Characters of a description; browsers with many cameras come to a tenth of that."""
STATIC = {0: "pcmu/8000", 8: "pcma/8000", 9: "g722/8000", 13: "cn/8000"}
"""Payload types that need no explanation (RFC 3551)."""
WRITTEN = {
    "opus/48000": "opus/48000/2", "red/48000": "red/48000/2", "vp8/90000": "VP8/90000",
    "vp9/90000": "VP9/90000", "h264/90000": "H264/90000", "av1/90000": "AV1/90000",
}  # fmt: skip
"""How codecs are written: Chrome finds no encoder for `vp8`."""
MIRROR: dict[str, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


@dataclass(frozen=True, slots=True)
class Codec:
    """A payload type: `name` with its clock as in `opus/48000`, in lower case."""

    payload_type: int
    name: str
    parameters: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address to try."""

    foundation: str
    component: int
    transport: str
    priority: int
    host: str
    port: int
    type: str
    related: tuple[str, int] | None = None
    tcp: str = ""

    def __str__(self) -> str:
        text = (
            f"candidate:{self.foundation} {self.component} {self.transport} {self.priority} "
            f"{self.host} {self.port} typ {self.type}"
        )
        if self.related:
            text += f" raddr {self.related[0]} rport {self.related[1]}"
        return f"{text} tcptype {self.tcp}" if self.tcp else text


@dataclass(frozen=True, slots=True)
class Section:
    """One media section."""

    kind: str
    port: int = 9
    protocol: str = "UDP/TLS/RTP/SAVPF"
    formats: tuple[str, ...] = ()
    mid: str = ""
    direction: Direction = "sendrecv"
    codecs: tuple[Codec, ...] = ()
    extensions: tuple[tuple[int, str], ...] = ()
    ufrag: str = ""
    password: str = ""
    fingerprints: tuple[tuple[str, str], ...] = ()
    setup: str = ""
    candidates: tuple[Candidate, ...] = ()
    complete: bool = False
    sources: tuple[int, ...] = ()
    """Sources (SSRC) that are named, in their order."""
    again: tuple[tuple[int, int], ...] = ()
    """Pairs of a source and the one that repeats what was lost of it."""
    layers: tuple[str, ...] = ()
    """Names (RID) of the layers that are sent of the same picture."""
    lines: tuple[str, ...] = ()
    """Further attributes to write."""

    def extension(self, uri: str) -> int:
        """Return the number of a header extension, 0 if it was not offered."""
        return next((number for number, name in self.extensions if name == uri), 0)


@dataclass(frozen=True, slots=True)
class Description:
    """An offer or an answer."""

    sections: tuple[Section, ...]
    bundle: tuple[str, ...] = ()
    lite: bool = False
    trickle: bool = False

    @property
    def audio(self) -> Section:
        """The section that we talk about; raises `BadInput` if there is none."""
        for section in self.sections:
            if section.kind == "audio" and section.port:
                return section
        raise BadInput("the description has no audio")

    @property
    def main(self) -> Section:
        """The section that says where everybody is; raises `BadInput` if none does."""
        for section in self.sections:
            if section.port and section.ufrag and section.fingerprints:
                return section
        raise BadInput("the description says neither where to connect nor who is there")


@dataclass(frozen=True, slots=True)
class Ours:
    """What we write about ourselves."""

    session: int
    ufrag: str
    password: str
    fingerprint: tuple[str, str]
    candidates: tuple[Candidate, ...] = ()
    source: int = 0
    name: str = ""
    version: int = 2
    lines: tuple[str, ...] = field(default=("a=ice-options:trickle",))


def candidate(line: str) -> Candidate | None:
    """Return the candidate of an attribute or a trickled line, `None` if it is unusable."""
    words = line.strip().removeprefix("a=").removeprefix("candidate:").split()
    if len(words) < 8 or words[6] != "typ":
        return None
    try:
        component, priority, port = int(words[1]), int(words[3]), int(words[5])
        rest = dict(zip(words[8::2], words[9::2], strict=False))
        related = (rest["raddr"], int(rest["rport"])) if "raddr" in rest else None
    except (ValueError, KeyError):
        return None
    if not 0 < port < 65_536 or not 0 <= priority < 1 << 32:
        return None
    return Candidate(
        words[0], component, words[2].lower(), priority, words[4], port, words[7],
        related, rest.get("tcptype", ""),
    )  # fmt: skip


def parse(text: str) -> Description:
    """Return what a description says; raises `BadInput` if it is none."""
    if len(text) > LARGEST:
        raise BadInput(f"a session description of {len(text)} characters")
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("m="):
            blocks.append([])
        blocks[-1].append(line.strip())
    head, *media = blocks
    if not head or not head[0].startswith("v="):
        raise BadInput("a session description that does not begin with its version")
    try:
        return _description(head, media)
    except (ValueError, IndexError) as error:
        raise BadInput(f"a malformed session description: {error}") from error


def _description(head: list[str], media: list[list[str]]) -> Description:
    common = dict(_attributes(head))
    shared = Section(
        "",
        ufrag=common.get("ice-ufrag", ""),
        password=common.get("ice-pwd", ""),
        fingerprints=tuple(_fingerprints(head)),
        setup=common.get("setup", ""),
    )
    groups = (value.split() for name, value in _attributes(head) if name == "group")
    bundle = next((tuple(words[1:]) for words in groups if words[:1] == ["BUNDLE"]), ())
    sections = tuple(_section(lines, shared) for lines in media)
    everything = [*head, *(line for lines in media for line in lines)]
    options = [value for name, value in _attributes(everything) if name == "ice-options"]
    trickle = any("trickle" in value.split() for value in options)
    return Description(sections, bundle, "ice-lite" in common, trickle)


def _section(lines: list[str], shared: Section) -> Section:
    kind, port, protocol, *formats = lines[0][2:].split()
    attributes = list(_attributes(lines))
    values = dict(attributes)
    fingerprints = tuple(_fingerprints(lines)) or shared.fingerprints
    direction = next((name for name in MIRROR if name in values), "sendrecv")
    candidates = (candidate(value) for name, value in attributes if name == "candidate")
    return Section(
        kind=kind,
        port=int(port.split("/")[0]) or (BUNDLED if "bundle-only" in values else 0),
        protocol=protocol,
        formats=tuple(formats),
        mid=values.get("mid", ""),
        direction=MIRROR[MIRROR[direction]],
        codecs=tuple(_codecs(formats, attributes)),
        extensions=tuple(_extensions(attributes)),
        ufrag=values.get("ice-ufrag", shared.ufrag),
        password=values.get("ice-pwd", shared.password),
        fingerprints=fingerprints,
        setup=values.get("setup", shared.setup),
        candidates=tuple(found for found in candidates if found is not None),
        complete="end-of-candidates" in values,
        sources=tuple(dict.fromkeys(_numbers(attributes, "ssrc"))),
        again=tuple(_repeats(attributes)),
        layers=tuple(_layers(values.get("simulcast", ""))),
    )


def _attributes(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            yield name, value.strip()


def _fingerprints(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name, value in _attributes(lines):
        words = value.split()
        if name == "fingerprint" and len(words) == 2:
            yield words[0].lower(), words[1].upper()


def _extensions(attributes: list[tuple[str, str]]) -> Iterator[tuple[int, str]]:
    for name, value in attributes:
        words = value.split()
        if name == "extmap" and len(words) >= 2:
            yield int(words[0].split("/")[0]), words[1]


def _numbers(attributes: list[tuple[str, str]], wanted: str) -> Iterator[int]:
    return (int(value.split()[0]) for name, value in attributes if name == wanted)


def _repeats(attributes: list[tuple[str, str]]) -> Iterator[tuple[int, int]]:
    for name, value in attributes:
        words = value.split()
        if name == "ssrc-group" and words[:1] == ["FID"] and len(words) >= 3:
            yield int(words[1]), int(words[2])


def _layers(simulcast: str) -> Iterator[str]:
    """Names of the layers that are sent; of alternatives, the first."""
    words = simulcast.split()
    for direction, names in zip(words[::2], words[1::2], strict=False):
        if direction == "send":
            yield from (name.split(",")[0].lstrip("~") for name in names.split(";"))


def _codecs(formats: list[str], attributes: list[tuple[str, str]]) -> Iterator[Codec]:
    maps: dict[str, str] = {}
    parameters: dict[str, str] = {}
    for name, value in attributes:
        number, _, rest = value.partition(" ")
        if name == "rtpmap":
            maps.setdefault(number, "/".join(rest.lower().split("/")[:2]))
        elif name == "fmtp":
            parameters.setdefault(number, rest)
    for number in formats:
        if number.isdecimal():
            name = maps.get(number) or STATIC.get(int(number), "")
            yield Codec(int(number), name, parameters.get(number, ""))


def offer(ours: Ours, section: Section) -> str:
    """Write an offer of one section."""
    return write(ours, (section,), (section.mid,))


def answer(theirs: Description, ours: Ours, audio: Section) -> str:
    """
    Write an answer: `audio` for the section we talk about, everything else refused.

    Pictures and further sound stay as inactive sections, so that they can come back in a later
    offer; what is not RTP is rejected.
    """
    chosen = theirs.audio
    sections = []
    for section in theirs.sections:
        if section is chosen:
            sections.append(replace(audio, mid=section.mid, protocol=section.protocol))
        elif section.kind in ("audio", "video") and section.port and section.mid in theirs.bundle:
            kept = section.codecs[:1]
            sections.append(
                replace(
                    section, direction="inactive", codecs=kept, extensions=(), setup=audio.setup
                )
            )
        else:
            sections.append(replace(section, port=0, direction="inactive", codecs=()))
    accepted = {section.mid for section in sections if section.port}
    return write(ours, sections, tuple(mid for mid in theirs.bundle if mid in accepted))


def write(ours: Ours, sections: Iterable[Section], bundle: tuple[str, ...]) -> str:
    """Write a description of sections, of which those named share one connection."""
    lines = ["v=0", f"o=- {ours.session} {ours.version} IN IP4 127.0.0.1", "s=-", "t=0 0"]
    if bundle:
        lines.append(f"a=group:BUNDLE {' '.join(bundle)}")
    lines += ["a=msid-semantic: WMS *", *ours.lines]
    for section in sections:
        first = section.mid in bundle[:1]
        lines += _section_lines(ours, section, addresses=first or section.direction != "inactive")
    return "\r\n".join(lines) + "\r\n"


def _section_lines(ours: Ours, section: Section, *, addresses: bool) -> Iterator[str]:
    formats = [str(codec.payload_type) for codec in section.codecs] or list(section.formats)
    yield f"m={section.kind} {section.port} {section.protocol} {' '.join(formats)}"
    yield "c=IN IP4 0.0.0.0"
    if section.mid:
        yield f"a=mid:{section.mid}"
    yield f"a={section.direction}"
    if not section.port:
        return
    yield "a=rtcp-mux"
    yield f"a=ice-ufrag:{ours.ufrag}"
    yield f"a=ice-pwd:{ours.password}"
    yield f"a=fingerprint:{ours.fingerprint[0]} {ours.fingerprint[1]}"
    yield f"a=setup:{section.setup}"
    for codec in section.codecs:
        yield from _codec_lines(codec)
    for number, uri in section.extensions:
        yield f"a=extmap:{number} {uri}"
    if section.direction in ("sendrecv", "sendonly") and ours.source:
        yield f"a=msid:{ours.name} {ours.name}-audio"
        yield f"a=ssrc:{ours.source} cname:{ours.name}"
    yield from (f"a={line}" for line in section.lines)
    if addresses:
        yield from (f"a={found}" for found in ours.candidates)
        yield "a=end-of-candidates"


def _codec_lines(codec: Codec) -> Iterator[str]:
    if codec.name:
        yield f"a=rtpmap:{codec.payload_type} {WRITTEN.get(codec.name, codec.name)}"
    if codec.parameters:
        yield f"a=fmtp:{codec.payload_type} {codec.parameters}"
