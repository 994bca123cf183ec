"""Scripts that try out flows, and what they say when a flow is not as expected."""

from pathlib import Path

import pytest

from dialogs.check import check
from dialogs.rehearsal import rehearse
from tests.unit.dialogs.samples import FRONT_DESK

FLOWS = Path(__file__).parents[3] / "dialogs" / "flows"


@pytest.mark.parametrize("flow", ["assistant", "reception", "restaurant", "survey"])
def test_an_example_does_what_its_script_says(flow: str) -> None:
    results = rehearse([FLOWS / f"{flow}.yaml"])
    assert results
    assert [str(problem) for one in results for problem in one.problems] == []


@pytest.mark.parametrize("flow", ["assistant", "reception", "restaurant", "survey"])
def test_an_examples_script_comes_through_every_state(flow: str) -> None:
    seen = {state for one in rehearse([FLOWS / f"{flow}.yaml"]) for state in one.states}
    assert len(seen) == check([FLOWS / f"{flow}.yaml"])[0].states


def test_the_examples_have_nothing_wrong() -> None:
    reports = check([FLOWS])
    assert len(reports) == 4
    assert [str(problem) for one in reports for problem in one.problems] == []


def script(folder: Path, text: str) -> Path:
    (folder / "desk.yaml").write_text(FRONT_DESK)
    file = folder / "desk.test.yaml"
    file.write_text(text)
    return file


def test_what_is_not_as_expected_is_told_with_its_line(tmp_path: Path) -> None:
    file = script(
        tmp_path,
        "conversations:\n  - name: wrong\n    steps:\n"
        "      - expect: {said: nonsense}\n      - press: '1'\n"
        "      - expect: {state: ask, ended: hangup, variables: {department: x}}\n      - say:"
        " more\n",
    )
    (result,) = rehearse([file])
    assert not result.ok
    assert [problem.line for problem in result.problems] == [4, 5, 6, 6, 7]
    assert "said: expected 'nonsense'" in str(result.problems[0])
    assert "the dialog had ended (hangup) before press: 1" in str(result.problems[1])


def test_a_transcript_shows_what_was_said(tmp_path: Path) -> None:
    file = script(tmp_path, "conversations:\n  - {name: x, steps: [{press: '1'}]}\n")
    (result,) = rehearse([tmp_path / "desk.yaml"])
    assert file.exists()
    assert result.ok
    assert result.transcript == (
        "bot: Good day . Bookings, or opening hours?",
        "press: 1",
        "bot: One moment.",
    )


def test_other_steps_are_taken_too(tmp_path: Path) -> None:
    steps = (
        "[{join: Ann}, {leave: Ann}, {voice: true}, {silence: true}, {event: custom.x, data:"
        " {a: 1}},"
        " {wait: 1s}, {expect: {not_said: x, state: ask}}]"
    )
    script(
        tmp_path, f"flow: desk.yaml\nconversations:\n  - {{name: x, start: ask, steps: {steps}}}\n"
    )
    (result,) = rehearse([tmp_path])
    assert result.ok


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("conversations: [", ":2: error:"),
        ("x: 1", "conversations: is missing"),
        ("conversations: [{name: x, steps: [{say: a, press: b}]}]", "must do one of say"),
        ("conversations: [{name: x, steps: [{wait: soon}]}]", "is not a duration"),
        ("conversations: [{name: x, steps: [{expect: {sad: a}}]}]", "did you mean 'said'"),
        ("conversations: [{steps: []}]", "name: is missing"),
        ("flow: nowhere.yaml\nconversations: []", "No such file"),
    ],
)
def test_a_script_with_mistakes_is_told_so(tmp_path: Path, text: str, problem: str) -> None:
    (result,) = rehearse([script(tmp_path, text)])
    assert problem in "\n".join(str(one) for one in result.problems)


def test_a_flow_without_a_script_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text(FRONT_DESK)
    (result,) = rehearse([tmp_path / "desk.yaml"])
    assert "No such file" in str(result.problems[0])


def test_a_dialog_that_breaks_is_told(tmp_path: Path) -> None:
    file = script(tmp_path, "conversations:\n  - {name: x, start: lobby, steps: [{wait: 1s}]}\n")
    (result,) = rehearse([file])
    assert "there is no state 'lobby'" in str(result.problems[0])
