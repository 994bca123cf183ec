"""What is said about a flow before anybody calls."""

import pytest

from dialogs.analysis import analyse, ways
from dialogs.flow import Flow
from dialogs.schema import parse
from tests.unit.dialogs.samples import FRONT_DESK


def flow_of(states: str) -> Flow:
    return parse(f"initial_state: a\nstates:\n{states}", file="f.yaml")


def found(states: str) -> str:
    return "\n".join(str(problem) for problem in analyse(flow_of(states)))


END = "  z: {terminal: true}\n"


def test_the_predecessors_example_has_nothing_wrong() -> None:
    assert analyse(parse(FRONT_DESK)) == []


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ("  a: {transitions: [{event: speech, target: z}]}\n  b: {terminal: true}\n" + END,
         "f.yaml:4: warning: states.b: is never reached"),
        ("  a: {on_enter: [{type: call_hook, params: {url: x}}], transitions: [{event:"
         " hook_result, target: z}]}\n"
         "  b: {terminal: true}\n" + END, "is never reached (unless a hook's answer does)"),
        ("  a: {transitions: [{event: speech, target: b}]}\n  b:"
         " {}\n", "states.b: is a dead end (mark it"),
        ("  a: {on_enter: [{type: call_hook, params: {url:"
         " x}}]}\n" + END, "a transition, unless a hook's answer does"),
        ("  a: {terminal: true, transitions: [{event: speech, target:"
         " a}]}\n", "its transitions never happen"),
        ("  a: {timeout: 5s, transitions: [{event: speech, target:"
         " z}]}\n" + END, "timeout: leads nowhere (add timeout_next)"),
        ("  a: {timeout_next: z, transitions: [{event: speech, target:"
         " z}]}\n" + END, "is missing: the timeout never happens"),
        ("  a: {transitions: [{event: timeout, target:"
         " z}]}\n" + END, "is missing: the timeout never happens"),
        ("  a: {transitions: [{event: hook_result, target:"
         " z}]}\n" + END, "waits for hook_result, but nothing here does call_hook"),
        ("  a: {transitions: [{event: speech, target: z}, {event: speech, target:"
         " a}]}\n" + END, "transitions[1]: never happens (an earlier"),
        ("  a: {transitions: [{event: speech, condition: x, target:"
         " z}]}\n" + END, "is always true (a condition needs {{ }})"),
        ("  a: {transitions: [{event: speech, condition: 'false', target:"
         " z}]}\n" + END, "is always false"),
        ("  a: {transitions: [{event: speech, target: a}]}\n", "nothing ever ends this dialog"),
        ("  a: {transitions: [{event: tts_complete, target: b}]}\n  b: {transitions: [{event:"
         " tts_complete, target: a}, {event: dtmf, target: z}]}\n" + END,
         "warning: states.a: goes round without anybody doing anything: a -> b"),
        ("  a: {on_enter: [{type: goto, params: {state: b}}]}\n  b: {on_enter: [{type: goto,"
         " params: {state: a}}]}\n",
         "error: states.a: goes round"),
    ],
)  # fmt: skip
def test_what_is_hardly_meant_is_told(states: str, message: str) -> None:
    assert message in found(states)


@pytest.mark.parametrize(
    "states",
    [
        "  a: {timeout: 5s, timeout_next: a, transitions: [{event: dtmf, target: z}]}\n" + END,
        "  a: {transitions: [{event: tts_complete, condition: '{{ variables.x }}', target: a},"
        " {event: speech, target: z}]}\n" + END,
        "  a: {on_enter: [{type: transfer, params: {to: '1'}}]}\n",
        "  a: {transitions: [{event: dtmf, target: b, actions: [{type: collect}]}]}\n  b:"
        " {transitions: [{event: digits, target: z}]}\n" + END,
    ],
)  # fmt: skip
def test_what_is_meant_is_left_alone(states: str) -> None:
    assert found(states) == ""


def test_every_way_is_listed() -> None:
    flow = flow_of(
        "  a: {timeout: 5s, timeout_next: z, on_enter: [{type: goto, params: {state: z}}],"
        " transitions: [{event: dtmf, condition: '{{ 1 }}', target: a,"
        " actions: [{type: goto, params: {state: z}}]}]}\n" + END
    )
    assert [(one.target, one.event, one.condition) for one in ways(flow)] == [
        ("z", "goto", ""),
        ("z", "dtmf", ""),
        ("a", "dtmf", "{{ 1 }}"),
        ("z", "timeout", ""),
    ]
