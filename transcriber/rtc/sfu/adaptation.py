"""
What of each picture goes through the way to one subscriber.

The receiver says what it gets and what it thinks fits. When that is too little, pictures become
smaller, then they are paused, the least important first; sound is never left out. Whoever shows
the pictures is told what of each is sent now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from transcriber.rtc import rtcp
from transcriber.rtc.sfu.allocation import PAUSED, Picture, allocate
from transcriber.rtc.sfu.estimate import Estimate
from transcriber.rtc.sfu.leg import Leg
from transcriber.rtc.sfu.quality import Cut
from transcriber.rtc.sfu.track import LAYERS, Track

__all__ = ["OFF", "Adaptation"]

LOOK = 0.5
"""Seconds between two choices of layers."""
OFF = "off"
"""What is sent of a picture for which there is no room."""

Shown = Iterable[tuple[Track, Leg]]


class Adaptation:
    """
    Chooses the layers of what is `shown`; `told` learns the track and what is sent of it.

    `lost` is the share that was lost last, and `cut` what had to be done to pictures.
    """

    def __init__(self, shown: Callable[[], Shown], told: Callable[[str, str], object]) -> None:
        self.lost = 0.0
        self.cut: Cut = 0
        self._shown, self._tell = shown, told
        self._estimate = Estimate()
        self._limits: dict[str, str] = {}
        self._paused: set[str] = set()
        self._sent: dict[str, str] = {}
        """What is sent of each picture."""
        self._octets: dict[int, int] = {}
        self._rate, self._measured_at = 0.0, 0.0

    def limit(self, track_id: str, layer: str, now: float) -> None:
        """Send at most this layer of a picture, however much fits; any other name: all."""
        self._limits[track_id] = layer
        self.adapt(now)

    def pause(self, track_id: str, paused: bool, now: float) -> None:
        """Send nothing of a track, or go on."""
        (self._paused.add if paused else self._paused.discard)(track_id)
        self.adapt(now)

    def forget(self, track_id: str) -> None:
        """A track is shown no more."""
        self._limits.pop(track_id, None)
        self._paused.discard(track_id)
        self._sent.pop(track_id, None)

    def keep(self, tracks: Collection[str]) -> None:
        """Other tracks are shown no more."""
        for gone in {*self._limits, *self._paused, *self._sent}.difference(tracks):
            self.forget(gone)

    def look(self, now: float) -> None:
        """Choose layers by what the way carries, now and then."""
        passed = now - self._measured_at
        if passed < LOOK:
            return
        before, self._octets = self._octets, {}
        sent = {"audio": 0, "video": 0}
        for track, leg in self._shown():
            sent[track.kind] += leg.octets - before.get(leg.source, leg.octets)
            self._octets[leg.source] = leg.octets
        self._rate, self._measured_at = 8 * sum(sent.values()) / passed, now
        if not sent["video"]:
            self._estimate.idle(now)
        self.adapt(now)

    def adapt(self, now: float) -> None:
        """Give every picture the layer that fits, or none; sound that is wanted always passes."""
        shown = list(self._shown())
        for track, leg in shown:
            if track.kind == "audio":
                track.forwarder.pause(leg, track.id in self._paused, now)
        pictures = {t.id: (t, leg) for t, leg in shown if t.kind == "video"}
        wanted = [self._picture(t, now) for t, _ in sorted(pictures.values(), key=_importance)]
        wanted = [picture for picture in wanted if picture.key not in self._paused]
        sound = sum(sum(t.forwarder.layers.rates(now)) for t, _ in shown if t.kind == "audio")
        present = {id_: leg.target for id_, (_, leg) in pictures.items()}
        chosen = allocate(self._estimate.bits - sound, wanted, present)
        self.cut = max((_cut(picture, chosen[picture.key]) for picture in wanted), default=0)
        for id_, (track, leg) in pictures.items():
            layer = chosen.get(id_, PAUSED)
            track.forwarder.pause(leg, layer == PAUSED, now)
            if layer not in (PAUSED, leg.target):
                track.forwarder.choose(leg, layer, now)
        for picture in wanted:
            self._say(picture.key, _name(chosen[picture.key], len(picture.rates)))

    def told(self, items: Iterable[rtcp.Item], now: float) -> None:
        """Take what the receiver says about everything, and about each track."""
        legs = {leg.source: (track, leg) for track, leg in self._shown()}
        lost = []
        for item in items:
            match item:
                case rtcp.Bandwidth(bits=bits):
                    self._estimate.told(bits, self._rate, now)
                case rtcp.Loss(source=source, fraction=fraction) if source in legs:
                    lost.append(fraction)
                case rtcp.Missing(source=source) | rtcp.KeyframeWanted(source=source):
                    if source in legs:
                        track, leg = legs[source]
                        track.forwarder.control(leg, (item,), now)
        if lost:
            self.lost = sum(lost) / len(lost)
            self._estimate.lost(self.lost, self._rate, now)

    def _picture(self, track: Track, now: float) -> Picture:
        rates = track.forwarder.layers.rates(now)
        return Picture(track.id, rates, _layer(self._limits.get(track.id, ""), len(rates)))

    def _say(self, track_id: str, layer: str) -> None:
        if self._sent.get(track_id) != layer:
            self._sent[track_id] = layer
            self._tell(track_id, layer)


def _layer(name: str, count: int) -> int:
    """Return the layer that is called so, of so many: the names are those of the largest."""
    return LAYERS.index(name) + max(0, count - len(LAYERS)) if name in LAYERS else count


def _name(layer: int, count: int) -> str:
    """Return what a layer is called."""
    return OFF if layer == PAUSED else LAYERS[max(0, layer - max(0, count - len(LAYERS)))]


def _cut(picture: Picture, layer: int) -> Cut:
    """Say what was done to a picture because not everything fits."""
    if layer == PAUSED:
        return 2
    return int(layer < picture.steps[-1])


def _importance(shown: tuple[Track, Leg]) -> tuple[bool, str]:
    """What is shown on purpose comes before faces; otherwise the order does not change."""
    return shown[0].source != "screen", shown[0].id
