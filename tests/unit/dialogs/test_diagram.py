"""Flows as pictures."""

import xml.etree.ElementTree as ET

from dialogs.diagram import mermaid, svg
from dialogs.schema import parse
from tests.unit.dialogs.samples import FRONT_DESK

ODD = """
initial_state: 'a "b" <c>; d'
states:
  'a "b" <c>; d':
    transitions:
      - event: speech
        condition: "{{ variables.x == '<script>' and variables.y == 'a very long text indeed' }}"
        target: far
      - {event: dtmf, target: 'a "b" <c>; d'}
  far: {transitions: [{event: speech, target: 'a "b" <c>; d'}, {event: dtmf, target: end}]}
  nowhere: {transitions: [{event: dtmf, target: an_extraordinarily_long_name_of_a_state}]}
  an_extraordinarily_long_name_of_a_state: {}
  end: {terminal: true}
"""


def test_mermaid_shows_states_and_ways() -> None:
    lines = mermaid(parse(FRONT_DESK)).splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert '  state "ask" as s0' in lines
    assert "  [*] --> s0" in lines
    assert "  s0 --> s1: speech" in lines
    assert "  s0 --> s3: timeout" in lines
    assert "  s3 --> [*]" in lines


def test_nothing_in_a_flow_is_taken_for_mermaids_own() -> None:
    text = mermaid(parse(ODD))
    assert "a #34;b#34; #60;c#62;#59; d" in text
    assert "<" not in text
    assert all(";" not in line.replace("#", "").partition(":")[0] for line in text.splitlines()[8:])


def test_svg_is_a_picture_of_every_state_and_way() -> None:
    flow = parse(FRONT_DESK)
    root = ET.fromstring(svg(flow))
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}g/{space}rect")) == len(flow.states)
    assert len(root.findall(f"{space}g/{space}path")) == 6
    assert {text.text for text in root.iter()} >= {"ask", "bye", "speech", "timeout"}


def test_nothing_in_a_flow_is_taken_for_svgs_own() -> None:
    root = ET.fromstring(svg(parse(ODD)))
    assert not [one for one in root.iter() if one.tag.endswith("script")]
    assert any((one.text or "").endswith("…") for one in root.iter())


def test_many_ways_between_two_states_are_one_curve() -> None:
    ways = "".join(f"{{event: custom.e{number}, target: b}}, " for number in range(5))
    flow = parse(f"initial_state: a\nstates:\n  a: {{transitions: [{ways}]}}\n  b:\n")
    assert svg(flow).count('class="way"') == 1
    assert "and 2 more" in svg(flow)
    assert "custom.e4" in svg(flow)
