"""How a mistake is told."""

import pytest

from dialogs.problem import Problem, did_you_mean


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("error", "f", 3, "a.b", "is odd", "mend it"), "f:3: error: a.b: is odd (mend it)"),
        (Problem("warning", "f", 0, "", "is odd"), "f: warning: is odd"),
    ],
)
def test_it_says_where_what_and_what_to_do(problem: Problem, text: str) -> None:
    assert str(problem) == text


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("speach", ["dtmf", "speech"], "did you mean 'speech'?"),
        ("x", ["b", "a"], "there is a, b"),
        ("x", [], ""),
    ],
)
def test_it_guesses_what_was_meant(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) == hint
