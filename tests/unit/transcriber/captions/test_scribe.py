"""From what an engine heard to what people read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from transcriber.captions.scribe import CaptionOptions, Scribe
from transcriber.engines.stt.base import EngineInfo, Final, Partial, StreamOptions, Word
from transcriber.errors import Misconfigured

FULL = EngineInfo("full", "Writes sentences", languages=("en",))
BARE = EngineInfo("bare", "Writes words", languages=("en",), punctuation=False)


def scribe(info: EngineInfo = FULL, **options: object) -> Scribe:
    return Scribe(info, CaptionOptions.model_validate(options), StreamOptions())


def shown(scribe: Scribe, *texts: str) -> list[str]:
    heard = (scribe.partial(Partial(text, 0.0, len(text) / 10)) for text in texts)
    return [partial.text if partial else "" for partial in heard]


def written(scribe: Scribe, text: str, start: float = 0.0) -> str:
    final = scribe.final(Final(text, start, start + 1.0))
    return final.text if final else ""


def test_partials_are_steady_and_the_final_is_what_was_heard() -> None:
    writer = scribe()
    assert shown(writer, "Hello.", "Hello word.", "Hello world and") == ["", "Hello", ""]
    assert written(writer, "Hello world, and you?") == "Hello world, and you?"


def test_the_same_words_are_not_sent_again() -> None:
    assert shown(scribe(), "a b", "a b", "a b", "a b c") == ["", "a b", "", ""]


def test_a_partial_ends_with_its_last_word() -> None:
    writer = scribe()
    shown(writer, "one two three")
    partial = writer.partial(Partial("one two tree four", 1.0, 3.0))
    assert partial is not None
    assert (partial.text, partial.end < 3.0) == ("one two", True)
    assert partial.words[-1].text == "two"


def test_a_final_without_words_is_none() -> None:
    assert scribe().final(Final("  ", 0.0, 1.0)) is None


def test_words_heard_in_two_segments_are_written_once() -> None:
    writer = scribe()
    written(writer, "and then we went home")
    assert written(writer, "went home. So", 0.8) == "So"


def test_bare_words_become_sentences() -> None:
    writer = scribe(BARE)
    assert shown(writer, "i have", "i have twenty", "i have twenty three") == ["", "I have", ""]
    assert shown(writer, *["i have twenty three cats"] * 2) == ["", "I have 23 cats"]
    assert written(writer, "i have twenty three cats") == "I have 23 cats."
    assert written(writer, "are you there", 5.0) == "Are you there?"


def test_bare_words_of_one_engine_among_others_become_sentences() -> None:
    writer = scribe()
    partial = Partial("i have twenty three cats", 0.0, 1.0, bare=True)
    seen = [writer.partial(partial) for _ in range(2)][-1]
    assert seen
    assert seen.text == "I have 23 cats"
    final = writer.final(Final("i have twenty three cats", 0.0, 1.0, bare=True))
    assert final
    assert final.text == "I have 23 cats."


def test_an_engine_that_writes_sentences_is_left_alone() -> None:
    assert written(scribe(), "twenty three cats") == "twenty three cats"


def test_terms_are_set_separated_by_commas() -> None:
    options = CaptionOptions.model_validate({"VOCABULARY": "Nextcloud, Talk ,, HPB"})
    assert options.terms == ("Nextcloud", "Talk", "HPB")


def test_names_are_written_as_the_call_wants_it() -> None:
    options = StreamOptions(vocabulary=("Nextcloud",))
    writer = Scribe(FULL, CaptionOptions(), options)
    assert written(writer, "We use next cloud.") == "We use Nextcloud."


def test_swear_words_are_hidden_if_wanted() -> None:
    assert written(scribe(), "oh shit") == "oh shit"
    assert (
        written(scribe(HIDE_PROFANITY=True, PROFANITY_WORDS="darn"), "oh shit darn")
        == "oh s*** d***"
    )


def test_redaction_is_the_last_step() -> None:
    writer = scribe(BARE, REDACT="card, phone")
    spoken = "my card is four " + "one " * 15
    assert shown(writer, spoken, spoken + "okay", spoken + "okay so") == [
        "",
        "My card is",
        "My card is [card] okay",
    ]
    assert written(writer, spoken) == "My card is [card]."


def test_own_patterns_are_redacted() -> None:
    assert (
        written(scribe(REDACT_PATTERNS="ACME-\\d+\nproject \\w+"), "see ACME-12")
        == "see [redacted]"
    )


def test_the_confidence_of_the_whole_is_that_of_its_words() -> None:
    words = (Word("one", 0, 1, 0.5), Word("two", 1, 2, 0.7))
    final = scribe().final(Final("one two", 0, 2, words))
    assert final is not None
    assert final.confidence == 0.6
    final = scribe().final(Final("one two", 0, 2, words, confidence=0.9))
    assert final is not None
    assert final.confidence == 0.9
    final = scribe().final(Final("one two", 0, 2))
    assert final is not None
    assert final.confidence is None


@pytest.mark.parametrize("redact", ["", "card", "card,iban", "email, phone , card"])
def test_kinds_are_listed_by_name(redact: str) -> None:
    assert all(kind in redact for kind in CaptionOptions.model_validate({"REDACT": redact}).kinds)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValidationError):
        CaptionOptions.model_validate({"REDACT": "cards"})
    with pytest.raises(Misconfigured):
        CaptionOptions.model_validate({"REDACT_PATTERNS": "("})


@given(st.lists(st.text("abc 4.?", max_size=20), max_size=8))
def test_text_and_words_are_always_the_same(texts: list[str]) -> None:
    writer = scribe(REDACT="card,iban,email,phone")
    for text in texts:
        partial = writer.partial(Partial(text, 0.0, 1.0))
        if partial:
            assert partial.text == " ".join(word.text for word in partial.words)
    final = writer.final(Final(" ".join(texts), 0.0, 1.0))
    if final:
        assert final.text == " ".join(word.text for word in final.words)
