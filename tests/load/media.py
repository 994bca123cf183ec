"""
What it costs to hear many speakers, ours beside aiortc's own way.

    python -m tests.load.media --speakers 50 --seconds 10 --receiver both --json
    python -m tests.load.media --speakers 500 --seconds 60 --workers 2 --json
    python -m tests.load.media --flat 10,400 --json

Each worker is a process with an equal share of the speakers; each has a process of its own that
speaks, over real ICE, DTLS and SRTP on loopback, with real speech, whose cost is not counted.
That cost, `sender_us_per_packet`, is taken from the same cores all the same: 500 speakers send
25,000 packets a second, so both sides' microseconds together must stay under 80 on two cores.
Delays are measured from the sending of the packet that completes a block to the block. Bars about
delay, loss and keeping up hold where the machine has time for both sides.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import Sequence

from tests.load import report

Figures = dict[str, float]
SAID = (
    "cpu_ms_per_stream_s", "kept_up", "added_ms_p50", "added_ms_p99",
    "looks_per_s", "wake_us", "decode_us",
)  # fmt: skip
"""What is said of each size when the costs of a stream are compared."""


async def _process(
    kind: str, speakers: int, seconds: float, talking: float
) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.load.media_receiver",
        kind, str(speakers), str(seconds), str(talking), stdin=pipe, stdout=pipe,
    )  # fmt: skip


async def run(kind: str, speakers: int, *, seconds: float, talking: float, workers: int) -> Figures:
    """Measure one kind of receiver and return its figures over all workers."""
    shares = [speakers // workers + (place < speakers % workers) for place in range(workers)]
    processes = [await _process(kind, share, seconds, talking) for share in shares]
    for said in (b"here\n", b"ready\n"):
        for process in processes:
            assert process.stdout is not None
            if (line := await process.stdout.readline()) != said:
                raise SystemExit(f"a {kind} receiver said {line!r} instead of {said!r}")
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
    results = []
    for process in processes:
        out, _ = await process.communicate()
        results.append(json.loads(out))
    return _total(results, speakers)


def _total(results: Sequence[Figures], speakers: int) -> Figures:
    def total(name: str) -> float:
        return math.fsum(result[name] for result in results)

    def worst(name: str) -> float:
        return max(result[name] for result in results)

    packets = total("packets")
    return {
        "cpu_us_per_packet": total("cpu") / max(1, packets) * 1e6,
        "cpu_ms_per_stream_s": total("cpu") / worst("wall") / speakers * 1000,
        "kept_up": packets / max(1, total("sent")),
        "lost": total("lost"),
        "concealed": total("concealed"),
        "rss_mb_per_stream": total("rss_mb_per_stream") / len(results),
        "threads_per_stream": worst("threads_per_stream"),
        "added_ms_p50": worst("added_ms_p50"),
        "added_ms_p99": worst("added_ms_p99"),
        "added_ms_max": worst("added_ms_max"),
        "gap_ms_p50": worst("gap_ms_p50"),
        "gap_ms_max": worst("gap_ms_max"),
        "after_gap_ms_p50": worst("after_gap_ms_p50"),
        "join_ms_p95": worst("join_ms_p95"),
        "packets": packets,
        "looks_per_s": total("looks_per_s"),
        "stolen_s": worst("stolen_s"),
        "decode_us": worst("decode_us"),
        "wake_us": worst("wake_us"),
        "sender_late": total("sender_late"),
        "sender_us_per_packet": total("sender_cpu") / max(1, total("sent")) * 1e6,
    }


def bars(figures: Figures) -> list[report.Bar]:
    """Return what our receiver has to reach."""
    wanted = [
        report.Bar("kept_up", figures["kept_up"], ">=", 0.99),
        report.Bar("lost", figures["lost"], "==", 0),
        report.Bar("rss_mb_per_stream", figures["rss_mb_per_stream"], "<=", 0.4),
        report.Bar("threads_per_stream", figures["threads_per_stream"], "==", 0),
        report.Bar("added_ms_p50", figures["added_ms_p50"], "<=", 5),
        report.Bar("gap_ms_p50", figures["gap_ms_p50"], "<=", 60),
        report.Bar("after_gap_ms_p50", figures["after_gap_ms_p50"], "<=", 5),
    ]
    if "ratio_stock" in figures:
        wanted.append(report.Bar("ratio_stock", figures["ratio_stock"], ">=", 4))
    return wanted


async def compare(
    receiver: str, speakers: int, *, seconds: float, talking: float, workers: int
) -> tuple[Figures, list[report.Bar]]:
    """Measure what was asked for; stock figures have `stock_` before their names."""
    figures: Figures = {}
    if receiver in ("lean", "both"):
        figures |= await run("lean", speakers, seconds=seconds, talking=talking, workers=workers)
    if receiver in ("stock", "both"):
        stock = await run("stock", speakers, seconds=seconds, talking=talking, workers=workers)
        figures |= {f"stock_{name}": value for name, value in stock.items()}
    if receiver == "both":
        figures["ratio_stock"] = figures["stock_cpu_us_per_packet"] / figures["cpu_us_per_packet"]
    return figures, bars(figures) if receiver != "stock" else []


async def flat(sizes: Sequence[int], *, seconds: float) -> tuple[Figures, list[report.Bar]]:
    """
    Measure the cost of a stream at several sizes, the smallest first; it must be the same.

    `spread` counts a difference in either direction: a few streams share the cost of looking at
    the sockets, which many hardly notice. `growth` is what gets dearer with the number. A look is
    at least `wake_us`, which a timer costs that does nothing; with it everything else is done on
    cold caches, a few packets at a time.
    """
    figures: Figures = {}
    for size in sizes:
        found = await run("lean", size, seconds=seconds, talking=1.0, workers=1)
        for name in SAID:
            figures[f"{name}_{size}"] = found[name]
    costs = [figures[f"cpu_ms_per_stream_s_{size}"] for size in sizes]
    figures["spread"] = max(costs) / min(costs) - 1
    figures["growth"] = max(costs) / costs[0] - 1
    return figures, [report.Bar(name, figures[name], "<=", 0.25) for name in ("spread", "growth")]


def main() -> int:
    options = report.parser(__doc__ or "")
    options.add_argument("--speakers", type=int, default=50)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--talking", type=float, default=1.0, help="share that is not silent")
    options.add_argument("--receiver", choices=("lean", "stock", "both"), default="lean")
    options.add_argument("--workers", type=int, default=1, help="receiving processes")
    options.add_argument("--engine", choices=("none",), default="none", help="who hears the blocks")
    options.add_argument("--flat", help="sizes separated by commas: compare the cost of a stream")
    given = options.parse_args()
    if given.flat:
        sizes = [int(size) for size in given.flat.split(",")]
        figures, wanted = asyncio.run(flat(sizes, seconds=given.seconds))
        return report.finish("media", figures, wanted, as_json=given.json)
    figures, wanted = asyncio.run(
        compare(
            given.receiver, given.speakers,
            seconds=given.seconds, talking=given.talking, workers=given.workers,
        )
    )  # fmt: skip
    return report.finish("media", figures, wanted, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
