"""
What one person sends, sorted by what it is, and what can be said about it.

Media arrives decrypted in a buffer that belongs to the reader. Nothing here waits, makes a task
or keeps a queue: when `media` returns, the packet has become samples or was counted as something
else. If nobody listens, packets are counted and no more.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from transcriber.audio.block import RATE
from transcriber.audio.level import FLOOR, level
from transcriber.rtc import rtcp, rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.jitter import Frame
from transcriber.rtc.stream import SILENT, UNHEARD, OnBlock, Place, Stream, Timeline

__all__ = ["Formats", "Receiver", "Statistics"]

QUIET = 25
"""Packets, half a second: so long a sender must say it is silent for us to believe it."""
RETIRED = 8
"""Sources remembered after another took their place, so that stragglers do not bring them back."""
PACE = 0.02
"""Seconds from one packet to the next."""
RETURN = 1.0
"""Seconds without the present source after which a retired one may come back."""
NOBODY: frozenset[int] = frozenset()
ORDERED, PLAYED = ("lost", "late", "duplicate"), ("recovered", "concealed", "skipped", "broken")
"""What the order of a stream counts, and what the stream itself does."""


@dataclass(frozen=True, slots=True)
class Formats:
    """What payload types and header extensions mean, as agreed with the other side."""

    codecs: Mapping[int, str] = field(default_factory=dict)
    red: frozenset[int] = NOBODY
    noise: frozenset[int] = NOBODY
    keys: frozenset[int] = NOBODY
    again: Mapping[int, int] = field(default_factory=dict)
    level: int = 0


@dataclass(frozen=True, slots=True)
class Statistics:
    """How somebody's audio arrives. Packets, except where the name says otherwise."""

    received: int = 0
    lost: int = 0
    late: int = 0
    duplicate: int = 0
    recovered: int = 0
    concealed: int = 0
    skipped: int = 0
    repeated: int = 0
    """Retransmissions, whether they were still missing or not."""
    malformed: int = 0
    """Media or media control that makes no sense."""
    broken: int = 0
    """Payloads that the codec refused."""
    unknown: int = 0
    restarts: int = 0
    sources: int = 0
    blocks: int = 0
    cut_seconds: float = 0.0
    jitter_ms: float = 0.0
    level_dbfs: float = FLOOR


class Receiver:
    """
    Turns one peer's packets into blocks, passed to `on_block` at once.

    `gate` is the audio level, in dB below full scale as RFC 6464 counts, from which a packet is
    taken for silence without decoding; `None` decodes everything. Streams whose block is complete
    are put on `ready`, for its owner to flush soon; without one they are flushed at once.
    """

    def __init__(
        self,
        formats: Formats,
        on_block: OnBlock | None = None,
        *,
        gate: int | None = None,
        on_key: Callable[[str], None] | None = None,
        waiting: set[Receiver] | None = None,
        ready: list[Any] | None = None,
    ) -> None:
        self.formats = formats
        self.ended = False
        self._timeline = Timeline(on_block)
        self._gate = gate
        self._on_key = on_key
        self._waiting: set[Receiver] = set() if waiting is None else waiting
        self._ready = ready
        self._stream: Stream | None = None
        self._payload_type = -1
        self._quiet = 0
        self._retired: deque[int] = deque(maxlen=RETIRED)
        self._key_at = -1
        self._before = Statistics()
        self._malformed = self._unknown = self._repeated = self._sources = 0

    @property
    def timestamp(self) -> int:
        """RTP time just behind the last sample that went into a block or waits for one."""
        return self._timeline.timestamp

    @property
    def received(self) -> int:
        """Packets of audio that came."""
        return self._before.received + (self._stream.reception.received if self._stream else 0)

    def listen(self, on_block: OnBlock | None) -> None:
        """Pass blocks to somebody else from now on, or to nobody."""
        self._timeline.on_block = on_block
        self._timeline.fill = 0

    def media(self, buffer: Buffer, size: int, now: float) -> None:
        """Take a decrypted packet of `size` bytes that arrived at `now`."""
        header = rtp.parse(buffer.data, size)
        if header is None:
            self._malformed += 1
            return
        payload_type, sequence, timestamp, source, start, stop = header
        stream = self._stream
        if stream is None or source != stream.source or payload_type != self._payload_type:
            self._route(buffer, header, now)
            return
        skip = self._skip(buffer, start)
        self._push(stream, buffer, (sequence, timestamp, start, stop), now, skip)

    def control(self, items: Iterable[rtcp.Item], now: float) -> None:
        """Take what the peer says about its media."""
        for item in items:
            stream = self._stream
            match item:
                case rtcp.Malformed():
                    self._malformed += 1
                case rtcp.SenderReport(source=source) if stream and source == stream.source:
                    stream.reception.synchronise(item, now)
                case rtcp.Bye(sources=sources) if stream and stream.source in sources:
                    self.ended = True
                    self._retire()

    def expire(self, now: float) -> None:
        """Give up packets that have been missing for too long."""
        if self._stream is None or not self._stream.expire(now):
            self._waiting.discard(self)

    def report(self, now: float) -> bytes | None:
        """Return the block of a receiver report, once there is something to report."""
        return self._stream.reception.block(now) if self._stream else None

    def close(self) -> None:
        """Forget everything that could keep us alive."""
        self._retire()
        self._timeline.on_block = None
        self._waiting.discard(self)

    def statistics(self) -> Statistics:
        """Return the counts since the beginning, over all sources."""
        last = self._timeline.last
        stream = self._stream
        return Statistics(
            **self._counts(),
            repeated=self._repeated,
            malformed=self._malformed,
            unknown=self._unknown,
            sources=self._sources,
            blocks=self._timeline.blocks,
            cut_seconds=self._timeline.cut / RATE,
            jitter_ms=stream.reception.jitter_ms if stream else 0.0,
            level_dbfs=FLOOR if last is None else level(last),
        )

    def _counts(self) -> dict[str, int]:
        before, stream = self._before, self._stream
        names = ("received", "restarts", *ORDERED, *PLAYED)
        counts = {name: getattr(before, name) for name in names}
        if stream is not None:
            order = stream.order
            counts["received"] += stream.reception.received
            counts["restarts"] += order.restarts
            for name in ORDERED:
                counts[name] += getattr(order, name)
            for name in PLAYED:
                counts[name] += getattr(stream, name)
        return counts

    def _skip(self, buffer: Buffer, start: int) -> int:
        """Say why a packet is not decoded; silence, once it was told for long enough."""
        if self._timeline.on_block is None:
            return UNHEARD
        if self._gate is None or not self.formats.level:
            return 0
        quiet = rtp.level(buffer.data, start, self.formats.level) >= self._gate
        self._quiet = self._quiet + 1 if quiet else 0
        return SILENT if self._quiet > QUIET else 0

    def _push(self, stream: Stream, buffer: Buffer, place: Place, now: float, skip: int) -> None:
        if stream.push(buffer, place, now, skip):
            self._waiting.add(self)

    def _route(self, buffer: Buffer, header: rtp.Header, now: float) -> None:
        """Take a packet that is not simply the next of the present stream."""
        payload_type, sequence, timestamp, source, start, stop = header
        formats, stream = self.formats, self._stream
        place = (sequence, timestamp, start, stop)
        if payload_type in formats.codecs:
            if stream := self._accept(source, payload_type, place, now):
                self._push(stream, buffer, place, now, self._skip(buffer, start))
        elif payload_type in formats.red:
            self._redundant(buffer, header, now)
        elif stream is None:
            self._unknown += 1
        elif payload_type in formats.again:
            self._again(stream, buffer, place, now)
        elif source == stream.source and payload_type in formats.noise | formats.keys:
            if payload_type in formats.keys:
                self._pressed(buffer, place)
            skip = self._skip(buffer, start)
            self._push(stream, buffer, (sequence, timestamp, stop, stop), now, skip)
        else:
            self._unknown += 1

    def _accept(self, source: int, payload_type: int, place: Place, now: float) -> Stream | None:
        """Return the stream of a source, made anew if it is another source or another codec."""
        stream, codec = self._stream, self.formats.codecs[payload_type]
        if stream is not None and source == stream.source and codec == stream.codec:
            self._payload_type = payload_type
            return stream
        if source in self._retired and stream is not None and now < stream.heard_at + RETURN:
            self._unknown += 1
            return None
        pause = self._retire(now, other=source)
        self._sources += 1
        self._payload_type = payload_type
        self._timeline.silence(pause)
        self._stream = Stream(self._timeline, source, codec, place[:2], self._ready)
        self.ended = False
        return self._stream

    def _retire(self, now: float = math.inf, *, other: int = -1) -> int:
        """Finish the present stream; return the samples of silence since it was heard."""
        stream = self._stream
        if stream is None:
            return 0
        stream.expire(math.inf)
        stream.flush()
        self._before = self.statistics()
        self._stream = None
        if stream.source != other:
            self._retired.append(stream.source)
        pause = now - stream.heard_at - PACE
        return int(pause * RATE) if PACE < pause < math.inf and self._timeline.on_block else 0

    def _redundant(self, buffer: Buffer, header: rtp.Header, now: float) -> None:
        """Take a RED packet: the newest payload as usual, copies only of what is missing."""
        _, sequence, timestamp, source, start, stop = header
        blocks = rtp.redundancy(buffer.data, start, stop)
        if not blocks or blocks[-1].payload_type not in self.formats.codecs:
            self._malformed += 1
            return
        newest = blocks.pop()
        place = (sequence, timestamp, newest.start, newest.stop)
        stream = self._accept(source, newest.payload_type, place, now)
        if stream is None:
            return
        skip = self._skip(buffer, start)
        for back, copy in enumerate(reversed(blocks), 1):
            before = (sequence - back) & 0xFFFF
            if copy.stop > copy.start and stream.order.wanted(before):
                payload = bytes(buffer.view[copy.start : copy.stop])
                frame = Frame((timestamp - copy.age) & 0xFFFF_FFFF, payload, 0, skip)
                stream.offer(before, frame, now)
        self._push(stream, buffer, place, now, skip)

    def _again(self, stream: Stream, buffer: Buffer, place: Place, now: float) -> None:
        """Take a packet that is sent once more, if it is still missing."""
        _, timestamp, start, stop = place
        sequence = rtp.original(buffer.data, start, stop)
        if sequence is None:
            self._malformed += 1
            return
        self._repeated += 1
        if stream.order.wanted(sequence):
            payload = bytes(buffer.view[start + 2 : stop])
            stream.offer(sequence, Frame(timestamp, payload, 0, self._skip(buffer, start)), now)

    def _pressed(self, buffer: Buffer, place: Place) -> None:
        """Report a key once; its end is sent three times with the same timestamp."""
        _, timestamp, start, stop = place
        key = rtp.pressed(buffer.data, start, stop)
        if key is not None and timestamp != self._key_at:
            self._key_at = timestamp
            if self._on_key is not None:
                self._on_key(key)
