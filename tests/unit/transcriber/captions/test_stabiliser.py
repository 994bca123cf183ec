"""Which words of an utterance that goes on are shown."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from transcriber.captions.stabiliser import TRUSTED, Stabiliser
from transcriber.engines.stt.base import Word


def words(text: str) -> tuple[Word, ...]:
    return tuple(Word(word, float(n), n + 1.0) for n, word in enumerate(text.split()))


def shown(*hypotheses: str, stabiliser: Stabiliser | None = None) -> list[str]:
    stabiliser = stabiliser or Stabiliser()
    texts = []
    for hypothesis in hypotheses:
        texts.append(" ".join(word.text for word in stabiliser.partial(words(hypothesis))))
    return texts


def test_a_word_is_shown_once_two_hypotheses_have_it() -> None:
    assert shown("hello", "hello word", "hello world and") == ["", "hello", "hello"]


def test_nonsense_at_the_beginning_is_never_shown() -> None:
    assert shown("S. squ. s.", "She had", "She had your") == ["", "", "She had"]


def test_what_is_shown_stays_although_the_engine_changes_its_mind() -> None:
    texts = shown("a b c", "a b c", "a x c d", "a x c d e")
    assert texts == ["", "a b c", "a b c", "a b c d"]


def test_nothing_is_shown_twice_when_a_word_was_put_in_before() -> None:
    assert shown("we went", "we went", "so we went home", "so we went home")[-1] == "we went home"


def test_nothing_is_left_out_when_a_word_was_taken_away() -> None:
    assert shown("so um we went", "so um we went", "so we went home", "so we went home")[-1] == (
        "so um we went home"
    )


def test_a_full_stop_at_the_end_waits() -> None:
    assert shown("He left.", "He left.", "He left. And so", "He left. And so on") == [
        "", "He left", "He left.", "He left. And so",
    ]  # fmt: skip


def test_a_hypothesis_that_is_shorter_takes_nothing_away() -> None:
    assert shown("one two", "one two", "one", "")[-2:] == ["one two", "one two"]


def test_after_the_final_everything_begins_anew() -> None:
    stabiliser = Stabiliser()
    shown("one two", "one two", stabiliser=stabiliser)
    stabiliser.final()
    assert shown("three", "three four", stabiliser=stabiliser) == ["", "three"]


def test_an_engine_that_takes_nothing_back_is_believed_at_once() -> None:
    stream = [" ".join(f"w{n}" for n in range(size)) for size in range(1, 40)]
    texts = shown(*stream)
    assert texts[TRUSTED + 1 :] == stream[TRUSTED + 1 :]


def test_it_is_doubted_again_once_it_takes_something_back() -> None:
    stream = [" ".join(f"w{n}" for n in range(size)) for size in range(1, 20)]
    *_, last = shown(*stream, "w0 other", "w0 other words")
    assert last == stream[-1]


def test_the_same_hypothesis_again_is_no_proof() -> None:
    stabiliser = Stabiliser()
    shown(*["a"] * (TRUSTED + 2), stabiliser=stabiliser)
    assert shown("a b", stabiliser=stabiliser) == ["a"]


def test_very_long_utterances_are_aligned_at_their_end() -> None:
    long = " ".join(f"w{n}" for n in range(200))
    assert shown(long, long, f"new {long} x", f"new {long} x")[-1].split()[-2:] == ["w199", "x"]


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=12), max_size=12))
def test_what_is_shown_only_grows(hypotheses: list[list[str]]) -> None:
    texts = [text.split() for text in shown(*(" ".join(words) for words in hypotheses))]
    for before, after in itertools.pairwise(texts):
        assert after[: len(before)] == before


@given(st.lists(st.text("abc", min_size=1, max_size=3), max_size=60))
def test_word_by_word_nothing_ever_changes(said: list[str]) -> None:
    stream = [" ".join(said[: size + 1]) for size in range(len(said))]
    for text, hypothesis in zip(shown(*stream), stream, strict=True):
        assert hypothesis.split()[: len(text.split())] == text.split()
