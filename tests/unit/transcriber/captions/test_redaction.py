"""What must not leave."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.sentences import Secret, ordinary, secret
from tests.load.redaction import LEAK, PAUSED, in_two, leaks, partials
from transcriber.captions.redaction import KINDS, MOST_TEXT, PAUSE, Kind, Redactor, compiled
from transcriber.captions.words import text_of, words_of
from transcriber.engines.stt.base import Final, Partial, Word
from transcriber.errors import Misconfigured


def words(text: str, start: float = 0.0) -> tuple[Word, ...]:
    return words_of(Partial(text, start, start + 1.0), "en")


def final(text: str, redactor: Redactor | None = None, start: float = 0.0) -> str:
    return text_of((redactor or Redactor()).final(words(text, start)), "en")


def partial(text: str, redactor: Redactor | None = None) -> str:
    return text_of((redactor or Redactor()).partial(words(text)), "en")


def own(*patterns: str, kinds: Iterable[Kind] = ()) -> Redactor:
    return Redactor(kinds, compiled(patterns))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("My card is 4111 1111 1111 1111.", "My card is [card]."),
        ("card:4111111111111111!", "card:[card]!"),
        ("Transfer to DE89 3704 0044 0532 0130 00, please", "Transfer to [iban], please"),
        ("Call +49 30 901820 or (212) 555-0142.", "Call [phone] or [phone]."),
        ("Write to ann@example.com", "Write to [email]"),
        ("It costs 20 euros", "It costs 20 euros"),
    ],
)
def test_what_must_not_leave_is_replaced(said: str, read: str) -> None:
    assert final(said) == read


def test_only_what_was_asked_for_is_replaced() -> None:
    said = "card 4111 1111 1111 1111 mail ann@example.com call 212-555-0142 DE89370400440532013000"
    assert final(said, Redactor(())) == said
    assert final(said, Redactor(["card"])) == said.replace("4111 1111 1111 1111", "[card]")
    assert final(said, Redactor(["iban"])).endswith("[iban]")
    assert partial(said, Redactor(())) == said


def test_words_go_with_their_text() -> None:
    heard = tuple(
        Word(text, n, n + 1.0, 0.9)
        for n, text in enumerate(["it", "is", "4111", "1111", "1111", "1111,", "yes"])
    )
    assert [(word.text, word.start, word.end) for word in Redactor().final(heard)] == [
        ("it", 0, 1), ("is", 1, 2), ("[card],", 2, 6), ("yes", 6, 7),
    ]  # fmt: skip


def test_two_secrets_in_one_word_are_hidden() -> None:
    assert "example" not in final("ann@example.com/bob@example.org")
    assert final("x 4111111111111111/ann@example.com") in ("x [card]/[email]", "x [card]")


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("my card is 4111 1111", "my card is"),
        ("my card is 4111 1111 1111 1111", "my card is"),
        ("my card is 4111 1111 1111 1111 so", "my card is [card] so"),
        ("my card is four one s", "my card is"),
        ("I have 25", "I have"),
        ("I have 25 people", "I have 25 people"),
        ("it is DE89 NWBK", "it is"),
        ("write to ann@", "write to"),
        ("", ""),
    ],
)
def test_a_partial_holds_back_what_may_become_a_secret(said: str, read: str) -> None:
    assert partial(said) == read


def test_a_number_may_go_on_after_a_pause() -> None:
    redactor = Redactor()
    assert final("my card is 4111 1111", redactor) == "my card is [number]"
    assert partial("1111", redactor) == ""
    assert final("1111 1111 thanks", redactor) == "[card] thanks"
    assert final("1234 people", redactor) == "1234 people"


def test_a_number_in_three_utterances_is_still_one() -> None:
    redactor = Redactor()
    for said in ("it is 4111", "1111 1111"):
        final(said, redactor)
    assert final("1111 okay", redactor) == "[card] okay"


def test_what_goes_on_after_a_hidden_beginning_is_hidden() -> None:
    redactor = Redactor()
    final("it is 4111 1111", redactor)
    assert final("2222 and so", redactor) == "[number] and so"


def test_words_of_the_utterance_before_tell_what_a_number_is() -> None:
    redactor = Redactor()
    final("my phone number is", redactor)
    assert final("1234567 yes", redactor) == "[phone] yes"


def test_after_a_long_pause_nobody_goes_on() -> None:
    redactor = Redactor()
    final("my phone number is", redactor)
    assert final("1234567 people", redactor, start=PAUSE + 2) == "1234567 people"


def test_an_iban_may_go_on_after_a_pause() -> None:
    redactor = Redactor()
    assert final("it is GB29 NWBK 6016", redactor) == "it is [number]"
    assert final("1331 9268 19 thanks", redactor) == "[iban] thanks"


def test_an_utterance_without_words_changes_nothing() -> None:
    redactor = Redactor()
    final("it is 4111", redactor)
    assert final("", redactor) == ""
    assert final("1111 1111 1111", redactor) == "[card]"


def test_a_mask_shows_only_once_for_a_number_of_many_words() -> None:
    spoken = "four " + "one " * 15
    assert final(f"it is {spoken}okay") == "it is [card] okay"


@pytest.mark.parametrize("kind", ["iban", "email"])
def test_kinds_that_are_not_wanted_hold_nothing_back(kind: Kind) -> None:
    assert partial("so 25", Redactor([kind])) == ("so" if kind == "iban" else "so 25")


def test_own_patterns_are_replaced_and_held_back() -> None:
    redactor = own(r"ACME-\d{4}", r"project \w+")
    assert final("see acme-1234, and Project Blue", redactor) == "see [redacted], and [redacted]"
    assert partial("see ACME-12", redactor) == "see"
    assert partial("see ACME-1234 now", redactor) == "see [redacted] now"
    assert partial("our proj", redactor) == "our"


def test_a_pattern_that_is_wrong_is_refused() -> None:
    with pytest.raises(Misconfigured, match="no pattern"):
        compiled(["(unclosed"])
    with pytest.raises(Misconfigured, match="longer"):
        compiled(["a" * 501])
    with pytest.raises(Misconfigured, match="nothing at all"):
        compiled(["a*"])


def test_a_pattern_that_takes_too_long_is_refused() -> None:
    with pytest.raises(Misconfigured, match="too long"):
        compiled([r"(?:\w|\w\w)+[%&]"])


def test_a_pattern_that_takes_too_long_later_hides_everything() -> None:
    redactor = own(r"(z+)+q")
    assert final("z" * 2000 + " hello", redactor) == "[redacted]"
    assert partial("z" * 2000 + " hello", redactor) == ""


def test_what_is_too_long_to_be_looked_at_is_hidden() -> None:
    said = "word " * (MOST_TEXT // 4)
    read = final(said, Redactor())
    assert read.startswith("[redacted] word")
    assert len(read) <= MOST_TEXT + len("[redacted] ")


def test_other_languages_have_other_digits() -> None:
    redactor = Redactor(language="de")
    said = words_of(Final("Nummer plus vier neun drei null neun eins fünf zwei ja", 0, 1), "de")
    assert text_of(redactor.final(said), "de") == "Nummer plus [phone] ja"


def test_texts_without_spaces_are_masked_too() -> None:
    redactor = Redactor(language="ja")
    said = words_of(Final("番号は4111111111111111です。", 0, 1), "ja")
    assert text_of(redactor.final(said), "ja") == "番号は[card]です。"


@settings(max_examples=15)  # of the thousand that `python -m tests.load.redaction` tries
@given(st.integers(0, 10**6))
def test_nothing_leaks_wherever_a_sentence_is_cut(seed: int) -> None:
    found = secret(random.Random(seed))
    assert not leaks(found, partials(found))


@given(st.integers(0, 10**6))
def test_not_much_leaks_when_somebody_pauses_within_a_number(seed: int) -> None:
    found = secret(random.Random(seed))
    assert not any(leaks(found, shown, size=PAUSED) for shown in in_two(found))


@given(st.integers(0, 10**6))
def test_ordinary_numbers_stay(seed: int) -> None:
    said = ordinary(random.Random(seed))
    assert final(said) == said


def test_a_leak_would_be_noticed() -> None:
    found = Secret("card", "it is 4111 1111", "41111111")
    assert leaks(found, ["it is 4111 1"])
    assert leaks(found, ["four one one one one"])
    assert not leaks(found, ["it is 4111", "1111"])
    assert LEAK < PAUSED


@given(st.text(max_size=60))
def test_any_text_can_be_redacted(text: str) -> None:
    redactor = Redactor(KINDS)
    redactor.partial(words(text))
    redactor.final(words(text))
    redactor.partial(words(text))
