"""Names as their owners write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.captions.vocabulary import Vocabulary
from transcriber.engines.stt.base import Word

NAMES = Vocabulary(["Nextcloud", "Kubernetes", "AND", "Wi-Fi", "Frank-Karlitschek", "..."])


def spelled(text: str) -> str:
    words = [Word(word, n, n + 1, 0.5) for n, word in enumerate(text.split())]
    return " ".join(word.text for word in NAMES.spelled(words))


@pytest.mark.parametrize(
    ("heard", "read"),
    [
        ("we use next cloud, and kubernetes.", "we use Nextcloud, AND Kubernetes."),
        ("the wi fi is off", "the Wi-Fi is off"),
        ("(frank karlitschek) said", "(Frank-Karlitschek) said"),
        ("an d next, cloud", "an d next, cloud"),
        ("nextclouds", "nextclouds"),
    ],
)
def test_words_are_written_as_the_list_says(heard: str, read: str) -> None:
    assert spelled(heard) == read


def test_a_name_takes_the_time_and_the_doubt_of_its_parts() -> None:
    parts = (Word("next", 1, 2, 0.9), Word("cloud", 2, 3, 0.3))
    assert NAMES.spelled(parts) == (Word("Nextcloud", 1, 3, 0.3),)


def test_without_a_list_everything_stays() -> None:
    words = (Word("next", 1, 2),)
    assert Vocabulary([]).spelled(words) == words


@given(st.text(max_size=60))
def test_letters_stay_the_same(text: str) -> None:
    def letters(text: str) -> str:
        return "".join(c for c in text.casefold() if c.isalnum())

    assert letters(spelled(text)) == letters(text)
