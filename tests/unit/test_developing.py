"""What the developers' guide writes works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.fakes.stt import FakeStt
from transcriber.bus.memory import Bus
from transcriber.events import Event, SpeechFinal
from transcriber.session.session import Session

GUIDE = Path("docs/developing.md")


def written(number: int) -> dict[str, Any]:
    """What a block of code defines."""
    names: dict[str, Any] = {"__name__": "guide"}
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.S | re.M)
    exec(compile(blocks[number], GUIDE, "exec", dont_inherit=True), names)
    return names


async def test_its_connector_is_heard() -> None:
    bus, finals = Bus(), list[str]()
    bus.subscribe(SpeechFinal, lambda event: finals.append(event.data.transcript))
    await Session(written(0)["Corridor"](), stt=FakeStt(), bus=bus).run()
    assert finals


def test_its_event_reaches_whoever_listens() -> None:
    bus, seen = Bus(), list[Event]()
    bus.subscribe(Event, seen.append)
    written(1)["publish"](bus)
    assert [event.type for event in seen] == ["weather.changed"]
