"""
What somebody sees when the size of a picture changes: how long it stands still, and what it costs.

    python -m tests.load.layers --codec vp8 --json

Two people in two windows of a real Chromium: one shows a camera, in three sizes at once (VP8:
simulcast; VP9 and AV1: one stream of which parts can be left out), and the other wishes for one
size after the other. Every picture that is decoded is noted with its time. `switch_ms_max` is the
longest time without a picture from a wish until a second after the size has come, `switch_over_ms`
how much longer that is than pictures stand still without any change (`still_ms_max`), which is the
machine's share; `kbits_follow` is by how much the rate of a size is at least above that of the
next smaller one. All is in a network of its own, which only root may make.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from collections.abc import Sequence

import structlog

from tests.load import report
from tests.peers.devtools import Tab, chromium
from tests.peers.test_rooms import CODECS, NEWEST, SCALABLE, WIDTHS, enter, house

HOLD = 4.0
"""Seconds that a size is kept, of which the last ones are measured."""
MEASURED = 2.0
PATIENCE = 60.0
"""Seconds until a size has come."""
WATCH = """
(() => {
  globalThis.pictures = [];
  const track = peers.flatMap(peer => peer.getReceivers()).map(one => one.track)
    .findLast(one => one.kind === 'video');
  const reader = new MediaStreamTrackProcessor({track: track.clone()}).readable.getReader();
  (async () => {
    for (;;) {
      const {value, done} = await reader.read();
      if (done) return;
      pictures.push([performance.now(), value.displayWidth]);
      value.close();
    }
  })();
})()
"""
"""Notes when each picture was there, and how wide it is."""

Figures = dict[str, float]


class Watcher:
    """Somebody who wishes for sizes and notes what they see."""

    def __init__(self, tab: Tab, track: str) -> None:
        self.tab, self.track = tab, track
        self.stills: list[float] = []
        """The longest pause in milliseconds while nothing changed."""

    async def wish(self, layer: str) -> tuple[float, float, float]:
        """Wish for a size; milliseconds it took, the longest pause in them, and its kbit/s."""
        width = WIDTHS[layer]
        began = float(await self.tab.run("performance.now()"))
        await self.tab.run(f"say({{type: 'layer', track_id: '{self.track}', layer: '{layer}'}})")
        there = f"pictures.some(([at, wide]) => at > {began} && wide === {width})"
        await self.tab.until(there, PATIENCE)
        await asyncio.sleep(HOLD - MEASURED)
        octets = await self._octets()
        await asyncio.sleep(MEASURED)
        octets = await self._octets() - octets
        seen = await self.tab.run("pictures")
        came = next(at for at, wide in seen if at > began and wide == width)
        pause = _longest(seen, began, came + 1_000)
        self.stills.append(_longest(seen, came + 1_000, seen[-1][0]))
        return came - began, pause, octets * 8 / 1_000 / MEASURED

    async def _octets(self) -> float:
        return float(await self.tab.run(f"{NEWEST}.then(one => one.bytesReceived)"))


def _longest(seen: Sequence[tuple[float, float]], begin: float, end: float) -> float:
    """The longest time without a picture between two moments."""
    inside = [at for at, _ in seen if begin < at <= end]
    before = [at for at, _ in seen if at <= begin][-1:]
    times = before + inside
    return max((b - a for a, b in itertools.pairwise(times)), default=end - begin)


async def measure(codec: str, rounds: int) -> Figures:
    async with house(WORKERS="0") as url, chromium() as browser:
        ann, bo = await browser.person(), await browser.person()
        if mode := CODECS[codec]:
            await ann.ask(
                "Page.addScriptToEvaluateOnNewDocument", source=SCALABLE % (mode, 1, codec)
            )
        room = await enter(ann, url, "Ann")
        await enter(bo, room, "Bo")
        await ann.click("[data-name=camera]")
        await bo.until(f"{NEWEST}.then(one => one.framesDecoded > 20)", PATIENCE)
        await bo.run(WATCH)
        watcher = Watcher(bo, str(await bo.run("offered('video').at(-1)")))
        await watcher.wish("high")
        watcher.stills.clear()
        took, pauses, rates = [], [], dict[str, list[float]]()
        for layer in ("low", "high", "mid", "low", "mid", "high") * rounds:
            came, pause, rate = await watcher.wish(layer)
            took.append(came)
            pauses.append(pause)
            rates.setdefault(layer, []).append(rate)
        sent = await bo.run(f"{NEWEST}.then(one => one.freezeCount)")
    kbits = {name: sum(found) / len(found) for name, found in rates.items()}
    still = max(watcher.stills)
    return {
        "switches": len(pauses),
        "switch_ms_max": max(pauses),
        "still_ms_max": still,
        "switch_over_ms": max(0.0, max(pauses) - still),
        "came_ms_p50": sorted(took)[len(took) // 2],
        "came_ms_max": max(took),
        "freezes": sent,
        **{f"kbits_{name}": kbits[name] for name in WIDTHS},
        "kbits_follow": min(kbits["mid"] / kbits["low"], kbits["high"] / kbits["mid"]),
    }


def main() -> int:
    options = report.parser(__doc__ or "")
    options.add_argument("--codec", choices=CODECS, default="vp8")
    options.add_argument("--rounds", type=int, default=2, help="of six switches")
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    figures = asyncio.run(measure(given.codec, given.rounds))
    bars = [
        report.Bar("switch_ms_max", figures["switch_ms_max"], "<=", 500),
        report.Bar("kbits_follow", figures["kbits_follow"], ">=", 1.5),
    ]
    return report.finish("layers", figures, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
