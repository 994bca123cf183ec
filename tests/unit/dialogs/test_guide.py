"""The guide for authors: every example in it is a flow that works, and it leaves nothing out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from dialogs.check import check
from dialogs.hooks import read_answer
from dialogs.library import read_flow
from dialogs.ports import Response
from dialogs.rehearsal import rehearse
from dialogs.stage import Stage
from dialogs.vocabulary import ACTIONS, EVENTS
from transcriber import cli
from transcriber.events import ActionExecuted, Event
from transcriber.session.announcing import announcement

GUIDE = Path(__file__).parents[3] / "dialogs" / "GUIDE.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", GUIDE.read_text(), re.DOTALL)
FLOWS = {yaml.safe_load(text)["name"]: text for kind, text in BLOCKS if text.startswith("name:")}
SCRIPTS = [text for kind, text in BLOCKS if text.startswith("conversations:")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All examples as files, as a reader would save them."""
    place = tmp_path_factory.mktemp("guide")
    for (name, flow), script in zip(FLOWS.items(), SCRIPTS, strict=True):
        (place / f"{name}.yaml").write_text(flow)
        (place / f"{name}.test.yaml").write_text(script)
    return place


@pytest.mark.parametrize("name", FLOWS)
def test_an_example_has_nothing_wrong(folder: Path, name: str) -> None:
    (report,) = check([folder / f"{name}.yaml"])
    assert [str(problem) for problem in report.problems] == []


@pytest.mark.parametrize("name", FLOWS)
def test_an_example_does_what_is_written_under_it(folder: Path, name: str) -> None:
    results = rehearse([folder / f"{name}.yaml"])
    assert results
    assert [str(problem) for one in results for problem in one.problems] == []


@pytest.mark.parametrize("name", FLOWS)
def test_an_examples_script_comes_through_every_state(folder: Path, name: str) -> None:
    seen = {state for one in rehearse([folder / f"{name}.yaml"]) for state in one.states}
    assert seen == set(read_flow(folder / f"{name}.yaml").states)


def test_commands_are_those_there_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    (commands,) = (text for kind, text in BLOCKS if kind == "sh")
    for command in commands.splitlines():
        program, *args = command.split()
        assert program == "transcriber"
        assert cli.main(args) == 0, command
    assert "<svg" in capsys.readouterr().out


def test_the_answer_of_a_hook_is_one(folder: Path) -> None:
    (text,) = (text for kind, text in BLOCKS if kind == "json")
    answer = read_answer(Response(200, text.encode()), read_flow(folder / "orders.yaml"))
    assert answer.next_state == json.loads(text)["next_state"]


def test_every_action_becomes_a_public_event(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Event] = []

    def observe(stage: Stage, name: str, data: Mapping[str, object]) -> None:
        told.append(announcement(name, data, session_id="s", dialog_id="d", room="lobby"))
        stage.events.append((name, data))

    monkeypatch.setattr(Stage, "observe", observe)
    assert all(one.ok for one in rehearse([folder]))
    done = {event.data.action_type for event in told if isinstance(event, ActionExecuted)}
    assert done == set(ACTIONS)


def test_no_word_of_the_language_is_left_out() -> None:
    written = "\n".join(FLOWS.values())
    assert {name for name in ACTIONS if f"type: {name}" not in written} == set()
    assert {name for name in EVENTS if f"event: {name}" not in written} == set()
    assert "event: custom." in written


def test_nothing_in_the_guide_is_left_out_here() -> None:
    assert len(BLOCKS) == len(FLOWS) + len(SCRIPTS) + 2
