"""What the developers' guide writes works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dialogs.performer import Performer
from dialogs.vocabulary import ACTIONS
from tests.fakes.stt import FakeStt
from tests.unit.dialogs.talking import talking
from transcriber.bus.memory import Bus
from transcriber.events import Event, SpeechFinal
from transcriber.session.session import Session

GUIDE = Path("transcriber/docs/developing.md")
FLOW = """
name: greeting
initial_state: hello
states:
  hello: {on_enter: [WISH, {type: hangup}]}
"""


def written(number: int) -> dict[str, Any]:
    """What a block of code defines."""
    text = GUIDE.read_text()
    (wish,) = re.findall(r"`(\{type: repeat.*\})`", text)
    names: dict[str, Any] = {"__name__": "guide", "__wish__": wish}
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)
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


async def test_its_action_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    guide = written(2)
    monkeypatch.setitem(ACTIONS, "repeat", guide["REPEAT"])
    monkeypatch.setattr(Performer, "_repeat", guide["_repeat"], raising=False)
    async with talking(FLOW.replace("WISH", guide["__wish__"])) as talk:
        await talk.running
    assert talk.stage.said == ["Hello.", "Hello.", "Hello."]
