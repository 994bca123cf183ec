"""
How soon we answer Nextcloud and Talk while nothing works that we need.

The signaling server and the recogniser take connections and never say a word, Nextcloud refuses
everything; meanwhile each route is asked again and again, as by the users of a call. Talk gives
up after three seconds, and holds a worker of Nextcloud's meanwhile.

  python -m tests.load.exapp --rounds 100 --json
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from tests.load.report import Bar, finish, parser
from tests.peers.nextcloud import Nextcloud
from tests.peers.talk.app import forsaken
from tests.peers.talk.routes import CALLS


async def measure(rounds: int) -> dict[str, float]:
    """Ask everything again and again."""
    took: defaultdict[str, list[float]] = defaultdict(list)
    wrong = 0
    async with Nextcloud().running() as cloud:
        with tempfile.TemporaryDirectory() as folder:
            async with forsaken(cloud, Path(folder)):
                for _ in range(rounds):
                    for call in CALLS:
                        began = time.monotonic()
                        status, _answer = await cloud.call(call.method, call.path, call.body)
                        took[f"{call.method} {call.path}"].append(time.monotonic() - began)
                        wrong += status != 200
    every = sorted(1000 * one for times in took.values() for one in times)
    slowest = max(took, key=lambda name: sorted(took[name])[len(took[name]) * 99 // 100])
    print(f"slowest: {slowest}", file=sys.stderr)
    return {
        "answers": len(every),
        "wrong": wrong,
        "answer_ms_p50": every[len(every) // 2],
        "answer_ms_p99": every[len(every) * 99 // 100],
        "answer_ms_max": every[-1],
        "slowest_route_ms_p99": 1000 * sorted(took[slowest])[len(took[slowest]) * 99 // 100],
    }


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--rounds", type=int, default=100, help="times that each route is asked")
    args = options.parse_args()
    figures = asyncio.run(measure(args.rounds))
    bars = [
        Bar("slowest_route_ms_p99", figures["slowest_route_ms_p99"], "<=", 100),
        Bar("wrong", figures["wrong"], "==", 0),
    ]
    return finish("exapp", figures, bars, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
