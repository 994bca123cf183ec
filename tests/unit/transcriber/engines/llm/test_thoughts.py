"""What a model thinks to itself is not said."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.engines.llm.thoughts import Thoughts


def said(*pieces: str) -> str:
    thoughts = Thoughts()
    return "".join([*(thoughts.push(piece) for piece in pieces), thoughts.flush()])


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("We open at five.", "We open at five."),
        ("<think>Hm. Five?</think>\n\nAt five.", "At five."),
        ("\n<think></think>At five.", "At five."),
        ("Is 1 < 2? <think> so.", "Is 1 < 2? <think> so."),
        ("<thinking of you>", "<thinking of you>"),
        ("<th", "<th"),
        ("<think>Hm. Five? I never", ""),
        ("", ""),
    ],
)
def test_only_the_answer_is_left(written: str, heard: str) -> None:
    assert said(written) == heard
    assert said(*written) == heard


@given(st.lists(st.integers(0, 40), max_size=6))
def test_it_makes_no_difference_how_it_comes(cuts: list[int]) -> None:
    written = "<think>Five or six, I think.</think> At five."
    places = sorted({0, *cuts, len(written)})
    pieces = [written[a:b] for a, b in pairwise(places)]
    assert said(*pieces) == "At five."


def test_an_answer_without_thoughts_is_not_held_back() -> None:
    thoughts = Thoughts()
    assert [thoughts.push("We"), thoughts.push(" open")] == ["We", " open"]
