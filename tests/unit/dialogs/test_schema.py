"""A file becomes a flow, or a list of everything that is wrong with it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.errors import FlowError
from dialogs.flow import Flow
from dialogs.schema import parse, parse_actions
from tests.unit.dialogs.samples import FRONT_DESK


def problems(text: str) -> list[str]:
    with pytest.raises(FlowError) as caught:
        parse(text, file="desk.yaml")
    return str(caught.value).splitlines()


def small(state: str, more: str = "") -> str:
    return f"initial_state: a\nstates:\n  a:\n    {state}\n{more}"


def test_the_predecessors_example_is_read_unchanged() -> None:
    flow = parse(FRONT_DESK)
    assert (flow.name, flow.version, flow.initial_state) == ("front-desk", "1.0", "ask")
    assert flow.variables == {"caller_name": "", "intent": ""}
    ask = flow.states["ask"]
    assert (ask.timeout, ask.timeout_next, ask.terminal) == (12.0, "bye", False)
    assert [(one.event, one.target) for one in ask.transitions] == [
        ("dtmf", "booking"),
        ("speech", "classify"),
    ]
    assert [action.type for action in flow.states["booking"].actions] == [
        "set_variable",
        "play_tts",
    ]
    assert flow.states["bye"].terminal


def test_a_flow_without_a_name_has_the_files() -> None:
    assert parse(small("terminal: true"), file="folder/desk.yaml").name == "desk.yaml"


def test_two_versions_have_two_digests() -> None:
    assert parse(FRONT_DESK).digest != parse(FRONT_DESK + "# changed\n").digest


def test_numbers_may_be_written_without_quotes() -> None:
    flow = parse("version: 1.0\nvariables: {pin: 1234, on: true}\n" + small("terminal: true"))
    assert flow.version == "1.0"
    assert flow.variables == {"pin": "1234", "on": "true"}


def test_anchors_may_stand_in_a_key_of_their_own() -> None:
    text = "x-bye: &bye {type: hangup}\n" + small("on_enter: [*bye]")
    assert next(parse(text).states["a"].actions).type == "hangup"


def test_an_empty_state_is_a_state() -> None:
    assert parse("initial_state: a\nstates:\n  a:\n").states["a"].transitions == ()


WRONG = """\
name: desk
initial_state: start
colour: blue
states:
  ask:
    on_entre: []
    timeout: 15
    timeout_next: nowhere
    terminal: maybe
    transitions:
      - {event: speach, target: bye}
      - {event: speech, condition: "{{ .Varables.x }}", target: by}
      - {event: custom.paid, target: ask}
      - {target: ask}
      - {event: dtmf}
    on_enter:
      - {type: play_tts}
      - {type: play_tts, params: {txt: hello}}
      - {type: play_ts, params: {text: hello}}
      - {type: play_audio}
      - {params: {}}
      - {type: call_hook, params: {url: x, auth_type: beerer, timeout: soon, retries: many}}
      - {type: goto, params: {state: nowhere}}
      - {type: run_agent, params: {agent: bob, tools: [hammer]}}
      - {type: listen, params: {hints: word, barge_in: perhaps}}
      - nonsense
  ask: {}
  bye: [1]
tools:
  lookup: {url: x, parameters: [1], method: LOOK}
agents:
  ann: {tools: [lokup], temperature: hot, auth_type: hmac}
"""


def test_all_mistakes_are_told_at_once_with_line_key_and_hint() -> None:
    expected = [
        "desk.yaml:2: error: initial_state: there is no state 'start' (there is ask, bye)",
        "desk.yaml:3: error: colour: is not a known key",
        "desk.yaml:6: error: states.ask.on_entre: is not a known key (did you mean 'on_enter'?)",
        "desk.yaml:7: error: states.ask.timeout: '15' is not a duration (write 15s,",
        "desk.yaml:8: error: states.ask.timeout_next: there is no state 'nowhere'",
        "desk.yaml:9: error: states.ask.terminal: must be true or false",
        "desk.yaml:11: error: states.ask.transitions[0].event: there is no event 'speach' (did you"
        " mean 'speech'?)",
        "desk.yaml:12: error: states.ask.transitions[1].condition: there is no .Varables (did you",
        "desk.yaml:12: error: states.ask.transitions[1].target: there is no state 'by' (did you",
        "desk.yaml:14: error: states.ask.transitions[3].event: is missing",
        "desk.yaml:15: error: states.ask.transitions[4].target: is missing",
        "desk.yaml:17: error: states.ask.on_enter[0].params.text: is missing",
        "desk.yaml:18: error: states.ask.on_enter[1].params.txt: is not a known key (did you",
        "desk.yaml:19: error: states.ask.on_enter[2].type: there is no action 'play_ts' (did you",
        "desk.yaml:20: error: states.ask.on_enter[3].params: needs one of file and url",
        "desk.yaml:21: error: states.ask.on_enter[4].type: is missing",
        "desk.yaml:22: error: states.ask.on_enter[5].params.auth_type: 'beerer' is not known",
        "desk.yaml:22: error: states.ask.on_enter[5].params.timeout: 'soon' is not a duration",
        "desk.yaml:22: error: states.ask.on_enter[5].params.retries: must be a whole number",
        "desk.yaml:23: error: states.ask.on_enter[6].params.state: there is no state 'nowhere'",
        "desk.yaml:24: error: states.ask.on_enter[7].params.agent: there is no agent 'bob'",
        "desk.yaml:24: error: states.ask.on_enter[7].params.tools[0]: there is no tool 'hammer'",
        "desk.yaml:25: error: states.ask.on_enter[8].params.hints: must be a list",
        "desk.yaml:25: error: states.ask.on_enter[8].params.barge_in: must be true or false",
        "desk.yaml:26: error: states.ask.on_enter[9]: must be a map",
        "desk.yaml:27: error: states.ask: is there twice (remove one of them)",
        "desk.yaml:28: error: states.bye: must be a map",
        "desk.yaml:30: error: tools.lookup.description: is missing",
        "desk.yaml:30: error: tools.lookup.parameters: must be a map (a JSON Schema)",
        "desk.yaml:30: error: tools.lookup.method: 'LOOK' is not known",
        "desk.yaml:32: error: agents.ann.instructions: is missing",
        "desk.yaml:32: error: agents.ann.tools[0]: there is no tool 'lokup' (did you",
        "desk.yaml:32: error: agents.ann.temperature: must be a number",
    ]
    found = problems(WRONG)
    missing = [one for one in expected if not any(line.startswith(one) for line in found)]
    assert missing == []
    assert len(found) <= len(expected) + 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a map"),
        ("[1]", "must be a map"),
        ("states: [", "desk.yaml:2: error:"),
        ("name: x", "initial_state: is missing"),
        ("initial_state: a\nstates: {}", "there must be at least one"),
        ("initial_state: a\nstates: []", "must be a map from names"),
        (small("on_enter: {type: hangup}"), "must be a list (begin each entry with a dash)"),
        ("tools: {x: y}\n" + small("terminal: true"), "tools.x: must be a map"),
        ("agents: {x: y}\n" + small("terminal: true"), "agents.x: must be a map"),
        ("variables: {x: [1]}\n" + small("terminal: true"), "variables.x: must be a text"),
    ],
)
def test_a_file_that_is_no_flow_is_refused(text: str, message: str) -> None:
    assert any(message in line for line in problems(text))


FULL = """
name: full
initial_state: talk
language: en
voice: ann
tools:
  book:
    description: Books a table.
    url: "https://api.example/{{ session.id }}"
    method: PUT
    auth_type: bearer
    auth_secret: "{{ variables.key }}"
    timeout: 3s
    max_result: 500
    say: Let me see.
    parameters: {type: object, properties: {guests: {type: integer}}, required: [guests]}
agents:
  host:
    instructions: "You are a host. The caller is {{ variables.name }}."
    greeting: Hello!
    model: small
    temperature: 0.2
    tools: [book]
    outcomes: [booked, human]
    max_turns: 5
    max_cost: 0.5
    silence: 4s
    silence_prompts: [Hello?]
    model_timeout: 6s
    fallbacks: [Sorry.]
    failures: 2
    transfer_to: "+491"
    goodbye: Bye.
    redact: false
    topics_url: https://guard.example
    auth_type: hmac
    auth_secret: k
states:
  talk:
    on_enter:
      - {type: listen, params: {hints: [Anna, "{{ variables.name }}"], end_of_turn: meaning}}
      - {type: collect, params: {digits: 4, end: "*"}}
      - {type: emit_event, params: {name: begun, who: "{{ variables.name }}"}}
      - {type: run_agent, params: {agent: host, tools: [book]}}
"""


def full() -> Flow:
    return parse(FULL)


def test_agents_and_tools_are_read() -> None:
    flow = full()
    host, book = flow.agents["host"], flow.tools["book"]
    assert (host.tools, host.outcomes, host.max_cost) == (("book",), ("booked", "human"), 0.5)
    assert (host.silence, host.model_timeout, host.redact) == (4.0, 6.0, False)
    assert host.topics_url is not None
    assert host.topics_auth.type == "hmac"
    assert book.url.language == "jinja"
    assert (book.method, book.timeout, book.auth.type) == ("PUT", 3.0, "bearer")
    assert book.parameters["required"] == ["guests"]
    actions = flow.states["talk"].on_enter
    assert actions[1].params == {"digits": 4, "end": "*"}
    assert actions[3].params == {"agent": "host", "tools": ("book",)}


def test_actions_from_outside_are_read_as_they_are() -> None:
    said = {"type": "play_tts", "params": {"text": "{{ variables.secret }}", "wait": True}}
    say, go = parse_actions([said, {"type": "goto", "params": {"state": "talk"}}], full())
    text = say.params["text"]
    assert getattr(text, "language", "") == "plain"
    assert say.params["wait"] is True
    assert go.params == {"state": "talk"}


@pytest.mark.parametrize(
    "action", [None, "x", 5, {"type": "jump"}, {"type": "goto", "params": {"state": "x"}}, [[1]]]
)
def test_actions_from_outside_must_be_actions(action: object) -> None:
    with pytest.raises(FlowError):
        parse_actions([action], full())


LINES = FULL.splitlines() + FRONT_DESK.splitlines() + WRONG.splitlines()


@given(st.lists(st.sampled_from(LINES), max_size=30))
def test_any_lines_are_a_flow_or_a_list_of_mistakes(lines: list[str]) -> None:
    with suppress(FlowError):
        assert parse("\n".join(lines)).states
