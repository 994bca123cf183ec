"""What a flow means, event by event."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dialogs.errors import Ended, TemplateError, UnknownState
from dialogs.flow import Flow
from dialogs.machine import HISTORY, Event, Machine
from dialogs.schema import parse
from dialogs.vocabulary import EVENTS
from tests.unit.dialogs.samples import FRONT_DESK

DESK = parse(FRONT_DESK)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def machine(flow: Flow = DESK, **variables: str) -> Machine:
    made = Machine(flow, "s1", variables=variables, now=lambda: NOON)
    made.start()
    return made


def flow_of(states: str) -> Flow:
    return parse(f"initial_state: a\nstates:\n{states}")


def said(text: str) -> Event:
    return Event("speech", {"text": text})


def key(digit: str) -> Event:
    return Event("dtmf", {"digit": digit})


def test_a_dialog_begins_in_its_first_state_or_in_another() -> None:
    made = Machine(DESK, "s1")
    step = made.start()
    assert (step.source, step.target, made.state) == ("", "ask", "ask")
    assert [action.type for action in step.actions] == ["play_tts"]
    assert Machine(DESK, "s2").start("booking").target == "booking"
    with pytest.raises(UnknownState, match="did you mean 'booking'"):
        Machine(DESK, "s3").start("bookin")


def test_variables_of_the_file_come_first_and_those_of_the_request_win() -> None:
    assert machine(caller_name="Ann", more="x").variables == {
        "caller_name": "Ann",
        "intent": "",
        "more": "x",
    }


def test_the_first_transition_that_fits_is_taken() -> None:
    desk = machine()
    step = desk.step(key("1"))
    assert step is not None
    assert (step.source, step.target, step.trigger) == ("ask", "booking", "1")
    assert machine().step(key("2")) is None
    to_classify = machine().step(said("hello"))
    assert to_classify is not None
    assert to_classify.target == "classify"


def test_the_result_of_a_hook_decides() -> None:
    desk = machine()
    desk.step(said("a table"))
    desk.result = {"intent": "booking"}
    step = desk.step(Event("hook_result"))
    assert step is not None
    assert step.target == "booking"


@pytest.mark.parametrize(
    ("events", "states"),
    [
        ([said("x"), Event("hook_result")], ["classify", "bye"]),
        ([said("x"), Event("hook_error")], ["classify", "bye"]),
        ([Event("timeout")], ["bye"]),
        ([key("1"), Event("tts_complete")], ["booking", "bye"]),
    ],
)
def test_every_branch_of_the_predecessors_example(events: list[Event], states: list[str]) -> None:
    desk = machine()
    assert [step.target for event in events if (step := desk.step(event))] == states
    assert desk.ended
    with pytest.raises(Ended):
        desk.step(said("more"))
    with pytest.raises(Ended):
        desk.jump("ask", "hook")


def test_the_transitions_own_actions_come_before_the_targets() -> None:
    flow = flow_of(
        "  a: {transitions: [{event: speech, target: b, actions: [{type: hangup}]}]}\n"
        "  b: {on_enter: [{type: say_caption, params: {text: x}}]}\n"
    )
    step = machine(flow).step(said("x"))
    assert step is not None
    assert [action.type for action in step.actions] == ["hangup", "say_caption"]


def test_a_timeout_may_be_a_transition_and_is_nothing_otherwise() -> None:
    flow = flow_of("  a: {timeout: 1s, transitions: [{event: timeout, target: b}]}\n  b:\n")
    step = machine(flow).step(Event("timeout"))
    assert step is not None
    assert step.target == "b"
    assert machine(flow_of("  a: {timeout: 1s}\n")).step(Event("timeout")) is None


def test_a_custom_event_is_taken_by_its_name_or_by_any() -> None:
    flow = flow_of(
        "  a: {transitions: [{event: custom.paid, target: b}, {event: custom, target: c}]}\n"
        "  b:\n  c:\n"
    )
    targets = []
    for name in ("custom.paid", "custom.other", "custom"):
        step = machine(flow).step(Event(name))
        targets.append(step.target if step else "")
    assert targets == ["b", "c", "c"]


def test_a_condition_that_fails_is_false_and_is_told() -> None:
    flow = flow_of(
        "  a: {transitions: [{event: dtmf, condition: '{{ eq .Event \"1\" }}', target: a}]}"
    )
    made = machine(flow)
    assert made.step(key("1")) is None
    assert "a digit is a number" in made.problems[0]
    assert made.step(said("1")) is not None or made.problems == []


def test_go_sees_the_last_words_or_key_and_jinja_the_last_event() -> None:
    flow = flow_of(
        "  a: {on_enter: [{type: emit_event, params: {name: x, g: '{{ .Event }}', j: '{{"
        " event.type }}'}}]}"
    )
    made = machine(flow)
    action = flow.states["a"].on_enter[0]
    assert made.render(action) == {"name": "x", "g": "<no value>", "j": ""}
    made.step(said("hi"))
    made.step(Event("hook_result"))
    assert made.render(action) == {"name": "x", "g": "hi", "j": "hook_result"}
    made.step(key("é"))
    made.step(Event("dtmf", {"digit": "12"}))
    assert made.render(action)["g"] == "233"


def test_every_parameter_is_rendered() -> None:
    flow = flow_of(
        "  a: {on_enter: [{type: listen, params: {hints: ['{{ variables.n }}', x], partials:"
        " true}},"
        " {type: emit_event, params: {name: x, id: '{{ session.id }} {{ session.state }}',"
        " s: '{{ .Session.GetVariable \"n\" }} {{ .Session.CurrentState }}'}},"
        " {type: say_caption, params: {text: '{{ variables.n + 1 }}'}}]}"
    )
    made = machine(flow, n="Ann")
    listen, emit, broken = flow.states["a"].on_enter
    assert made.render(listen) == {"hints": ("Ann", "x"), "partials": True}
    assert made.render(emit) == {"name": "x", "id": "s1 a", "s": "Ann a"}
    with pytest.raises(TemplateError):
        made.render(broken)


def test_history_is_kept_and_ends() -> None:
    flow = flow_of("  a: {transitions: [{event: speech, target: a}]}")
    made = machine(flow)
    for number in range(HISTORY + 10):
        made.step(said(f"{number}" + "x" * 500))
    assert len(made.history) == HISTORY
    assert made.history[0]["trigger"].startswith("10x")
    assert len(made.history[0]["trigger"]) == 200
    assert made.history[0]["timestamp"] == "2026-01-01T12:00:00+00:00"


def test_a_snapshot_brings_everything_back() -> None:
    made = machine(caller_name="Ann")
    made.step(said("a table"))
    made.result = {"intent": "x"}
    made.memory = {"agent": "a"}
    made.listening = {"hints": ("one", "two"), "barge_in": False}
    again = Machine.restore(DESK, "s1", made.snapshot())
    assert again.snapshot() == made.snapshot()
    assert again.again().target == "classify"
    listen, hook = again.again().actions
    assert (again.render(listen), hook.type) == (made.listening, "call_hook")
    assert again.entry == 2


def test_a_snapshot_of_a_state_that_is_gone_is_refused() -> None:
    snapshot = machine().snapshot()
    with pytest.raises(UnknownState):
        Machine.restore(DESK, "s1", snapshot | {"state": "lobby"})
    with pytest.raises(TypeError):
        Machine.restore(DESK, "s1", snapshot | {"history": {}})


def test_a_jump_leads_to_a_state_that_exists() -> None:
    made = machine()
    assert made.jump("booking", "hook_result").target == "booking"
    with pytest.raises(UnknownState):
        made.jump("lobby", "hook_result")


ANY_EVENT = st.builds(
    Event,
    st.sampled_from([*EVENTS, "custom", "custom.paid", "nonsense"]),
    st.fixed_dictionaries(
        {},
        optional={
            "text": st.text(max_size=20) | st.none() | st.integers(),
            "digit": st.text(max_size=2) | st.none(),
            "digits": st.text(max_size=4),
            "outcome": st.sampled_from(["done", "failed"]),
        },
    ),
)
STATE = st.fixed_dictionaries(
    {},
    optional={
        "timeout_next": st.sampled_from("abcd"),
        "timeout": st.just("1s"),
        "terminal": st.booleans(),
        "transitions": st.lists(
            st.fixed_dictionaries(
                {"event": st.sampled_from([*EVENTS, "custom"]), "target": st.sampled_from("abcd")},
                optional={
                    "condition": st.sampled_from(
                        [
                            "{{ eq .Event `1` }}",
                            "{{ event.text | length > 2 }}",
                            "{{ .Result.x.y }}",
                            "{{ variables.n | int / 0 }}",
                            "{{ index .Variables 1 }}",
                            "false",
                        ]
                    )
                },
            ),
            max_size=4,
        ),
    },
)


@given(st.lists(STATE, min_size=4, max_size=4), st.lists(ANY_EVENT, max_size=30))
def test_no_events_lead_to_a_state_that_does_not_exist(
    states: list[dict[str, Any]], events: list[Event]
) -> None:
    flow = parse(
        json.dumps({"initial_state": "a", "states": dict(zip("abcd", states, strict=True))})
    )
    made = machine(flow)
    for event in events:
        if made.ended:
            break
        before, entry = made.state, made.entry
        step = made.step(event)
        assert made.state in flow.states
        assert (step.source, step.target) == (before, made.state) if step else made.entry == entry
        assert Machine.restore(flow, "s1", made.snapshot()).state == made.state


class DeskMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.desk = machine()

    @rule(event=ANY_EVENT)
    def event(self, event: Event) -> None:
        if not self.desk.ended:
            self.desk.step(event)

    @rule(state=st.sampled_from(["ask", "booking", "lobby"]))
    def jump(self, state: str) -> None:
        before = self.desk.state
        try:
            self.desk.jump(state, "hook")
        except (UnknownState, Ended):
            assert self.desk.state == before

    @rule()
    def restart(self) -> None:
        self.desk = Machine.restore(DESK, "s1", self.desk.snapshot())

    @invariant()
    def is_somewhere(self) -> None:
        assert self.desk.state in DESK.states
        assert len(self.desk.history) <= HISTORY


test_whatever_happens_the_desk_is_somewhere = DeskMachine.TestCase
test_whatever_happens_the_desk_is_somewhere.settings = settings(
    max_examples=10, stateful_step_count=15
)
