"""Words are said as the list says."""

import pytest

from transcriber.engines.tts.pronunciation import Pronunciations
from transcriber.errors import Misconfigured

LIST = Pronunciations.parse(
    {
        "Nextcloud": "next cloud",
        "HPB": "H P B",
        "C++": "see plus plus",
        "Nextcloud Talk": "talk",
        "talk": "wrong",
        "de": {"HPB": "ha pe be"},
    }
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Nextcloud and NEXTCLOUD.", "next cloud and next cloud."),
        ("Nextclouds stay", "Nextclouds stay"),
        ("Open Nextcloud Talk!", "Open talk!"),
        ("in c++, hpb", "in see plus plus, H P B"),
        ("nothing", "nothing"),
    ],
)
def test_whole_words_are_replaced_once_the_longest_first(text: str, said: str) -> None:
    assert LIST.apply(text, "en") == said


def test_a_language_has_its_own_way() -> None:
    assert LIST.apply("HPB Nextcloud", "de-AT") == "ha pe be next cloud"
    assert LIST.apply("HPB", "fr") == "H P B"


def test_letters_that_only_look_alike_stay() -> None:
    assert Pronunciations({"i": "eye"}).apply("I and \u0130", "tr") == "eye and \u0130"


def test_without_a_list_nothing_changes() -> None:
    assert Pronunciations().apply("Nextcloud", "en") == "Nextcloud"


@pytest.mark.parametrize(
    "content",
    [
        None,
        ["Nextcloud"],
        {False: "no"},
        {"a": 1},
        {"de": {"HPB": 3}},
        {"de": {1: "x"}},
        {" ": "x"},
    ],
)
def test_what_is_not_a_list_of_words_is_refused(content: object) -> None:
    with pytest.raises(Misconfigured, match=r"TTS_PRONUNCIATIONS: .*write one"):
        Pronunciations.parse(content)
