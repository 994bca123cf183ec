"""Events of a stream, in whatever portions its bytes come."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.engines.llm.sse import LARGEST, Events
from transcriber.errors import EngineError

STREAM = (
    b': hello\n\nevent: message\nid: 1\ndata: {"a": 1}\n\n'
    b"data:two\r\ndata: lines\r\n\r\n\ndata: \xc3\xa4\n\n"
)
FOUND = ['{"a": 1}', "two\nlines", "ä"]


def test_events_are_found() -> None:
    assert Events().push(STREAM) == FOUND


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=8))
def test_it_makes_no_difference_where_the_bytes_are_cut(cuts: list[int]) -> None:
    places = sorted({0, *cuts, len(STREAM)})
    events = Events()
    pieces = [STREAM[a:b] for a, b in pairwise(places)]
    assert [event for piece in pieces for event in events.push(piece)] == FOUND


def test_an_event_that_is_not_complete_waits() -> None:
    events = Events()
    assert events.push(b"data: on") == []
    assert events.push(b"e\n") == []
    assert events.push(b"\n") == ["one"]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_an_event_without_end_is_refused(end: bytes) -> None:
    events = Events()
    piece = b"data: " + b"x" * (LARGEST // 2 + 1) + end
    events.push(piece)
    with pytest.raises(EngineError, match="without end"):
        events.push(piece)
