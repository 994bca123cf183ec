"""
The unit lane, in as many processes as there are processors, each with its share of the files.

pytest-xdist reads every test in every process, and has one more that is told of each result: for
thousands of instant tests that is half the work.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

UNIT = Path(__file__).parent / "unit"
PROGRESS = re.compile(rb"[.FEsxX]+ +\[ *\d+%\]\n")


async def run(files: list[Path]) -> int:
    """Run some files: progress is seen at once, the rest in one piece at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", *sys.argv[1:], *map(str, files),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    rest = b""
    async for line in process.stdout:
        if PROGRESS.fullmatch(line):
            os.write(1, line)
        else:
            rest += line
    os.write(1, rest)
    return await process.wait()


async def main() -> int:
    """Return the worst exit code."""
    files = sorted(UNIT.rglob("test_*.py"), key=lambda file: (file.stat().st_size, file))
    count = os.cpu_count() or 1
    rows = [files[row :: 2 * count] for row in range(2 * count)]
    # There and back again: else one of them gets the larger file of every pair.
    shares = [rows[share] + rows[-1 - share] for share in range(count)]
    return max(await asyncio.gather(*map(run, shares)))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
