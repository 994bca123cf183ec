"""Words with stars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.captions.profanity import Swearing
from transcriber.engines.stt.base import Word


def hidden(text: str, language: str = "en", *own: str) -> str:
    words = [Word(word, 0, 1) for word in text.split()]
    return " ".join(word.text for word in Swearing(language, own).hidden(words))


@pytest.mark.parametrize(
    ("said", "language", "read"),
    [
        ("Fucking hell, shit!", "en", "F****** hell, s***!"),
        ("So ein Scheiß", "de-DE", "So ein S*****"),
        ("putain de merde", "fr", "p***** de m****"),
        ("shit happens", "xx", "s*** happens"),
    ],
)
def test_swear_words_keep_their_first_letter(said: str, language: str, read: str) -> None:
    assert hidden(said, language) == read


def test_words_that_only_contain_one_stay() -> None:
    assert hidden("Scunthorpe cockpit Peacock assess") == "Scunthorpe cockpit Peacock assess"


def test_own_words_are_hidden_too() -> None:
    assert hidden("that darn c++ thing", "en", " darn", "c++", " ") == "that d*** c** thing"


@given(st.text(max_size=60))
def test_the_length_never_changes(text: str) -> None:
    assert len(hidden(text)) == len(" ".join(text.split()))
