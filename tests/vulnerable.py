"""
Is anything that we build on known to be vulnerable? `make check` asks osv.dev, in one question.

Where it cannot be asked, that is said, and is no failure: a build does not depend on somebody
else's service.

    python -m tests.vulnerable
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

__all__ = ["ask", "look", "pins"]

SERVICE = "https://api.osv.dev/v1/querybatch"
DEADLINE = aiohttp.ClientTimeout(total=8)
PIN = re.compile(r"^([\w.-]+)==([^\s;]+)", re.MULTILINE)
HARMLESS: Mapping[str, str] = {}
"""What is known and does no harm here: its id, and why."""

Pin = tuple[str, str]


def pins(lock: str) -> list[Pin]:
    """Names and versions in a lock."""
    return PIN.findall(lock)


async def ask(service: str, wanted: Sequence[Pin]) -> dict[Pin, list[str]]:
    """Return the ids of what is known of each; raises a `ValueError` for any other answer."""
    queries = [
        {"package": {"ecosystem": "PyPI", "name": name}, "version": version}
        for name, version in wanted
    ]
    async with (
        aiohttp.ClientSession(timeout=DEADLINE, trust_env=True, raise_for_status=True) as http,
        http.post(service, json={"queries": queries}) as answer,
    ):
        return _known(wanted, await answer.json())


def _known(wanted: Sequence[Pin], answer: Any) -> dict[Pin, list[str]]:
    try:
        return {
            pin: [one["id"] for one in result.get("vulns", [])]
            for pin, result in zip(wanted, answer["results"], strict=True)
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"it answers something else: {answer!r:.80}") from error


async def look(service: str, wanted: Sequence[Pin], harmless: Mapping[str, str] = HARMLESS) -> int:
    """Say what is known; returns the status of the command."""
    try:
        known = await ask(service, wanted)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        why = str(error) or type(error).__name__
        print(f"Known vulnerabilities: not asked, since {service} is not there: {why}")
        return 0
    bad = [
        f"{name} {version}: https://osv.dev/{one}"
        for (name, version), ids in known.items()
        for one in ids
        if one not in harmless
    ]
    print("\n".join([*bad, f"Known vulnerabilities: {len(bad)} in {len(wanted)} packages"]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(look(SERVICE, pins(Path("requirements.lock").read_text()))))
