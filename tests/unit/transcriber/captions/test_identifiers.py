"""What identifies an account or a person."""

import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.sentences import card, iban, luhn, phone
from transcriber.captions.identifiers import (
    Span,
    begun_card,
    begun_iban,
    begun_phone,
    cards,
    emails,
    ibans,
    open_email,
    open_iban,
    phones,
)
from transcriber.captions.runs import Run, runs


def found(find: Callable[[Run], Iterator[Span]], text: str) -> list[str]:
    spans = (span for run in runs(text, "en") for span in find(run))
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "4111, 1111, 1111, 1111",
        "3782 822463 10005", "41 11 11 11 11 11 11 11", "4111 11 1111111111", "4222222222222",
        "four one one one one one one one one one one one one one one one",
        "forty one eleven eleven eleven eleven eleven eleven eleven",
        "4111 1111 1111 1111 12 25 123", "12345678901234567890123",
    ],
)  # fmt: skip
def test_card_numbers_are_found(text: str) -> None:
    assert found(cards, f"it is {text}, yes") == [text]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112", "0000000000000000", "1984 and 1989, then 1990 1991", "411111111111",
        "4, 8, 15, 16, 23, 42, 99, 12, 1", "1234 5678 9012 3456 7890",
        "point four one one one one one one one one one one one one one one one",
    ],
)  # fmt: skip
def test_other_numbers_are_no_cards(text: str) -> None:
    assert found(cards, text) == []


def test_a_card_is_found_behind_another_number() -> None:
    assert found(cards, "room 12 4111 1111 1111 1111") == ["4111 1111 1111 1111"]
    assert found(cards, "room 12 4111111111111111") == ["4111111111111111"]


@pytest.mark.parametrize(
    "text",
    [
        "+49 30 901820", "+1 (212) 555-0142", "0151 23456789", "01 23 45 67 89", "(212) 555-0142",
        "212.555.0142", "2125550142", "12125550142", "1-212-555-0142", "555-1234", "555 1234",
        "98765 43210", "612 345 678", "plus four nine three oh nine oh one",
        "five five five one two three four", "030.1234567",
    ],
)  # fmt: skip
def test_telephone_numbers_are_found(text: str) -> None:
    number = text.removeprefix("plus ")
    assert found(phones, f"it is {text}, yes") == [number]


@pytest.mark.parametrize(
    "text",
    [
        "call me at 1234567", "my number is 12 34 567", "Telefon: 1234567", "ring us on 77 88 99 1",
    ],
)  # fmt: skip
def test_words_before_a_number_tell(text: str) -> None:
    assert len(found(phones, text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "1234567", "2019 2020", "12 500 000", "250 000 000", "800-1200", "12 13 14 15",
        "one two three four five six seven", "4 8 15 16 23 42", "1000000000", "2345678000",
        "100, 200 and 300 or", "3 point 1 4 1 5 9 2 6", "9876543", "555, 123, 4567",
    ],
)  # fmt: skip
def test_other_numbers_are_no_telephone_numbers(text: str) -> None:
    assert found(phones, f"we saw {text} again") == []


def test_a_telephone_number_is_found_behind_another_number() -> None:
    assert found(phones, "extension 12 212-555-0142") == ["212-555-0142"]
    two = "212-555-0142, 1-212-555-0143"
    assert found(phones, two) == two.split(", ")


def last(text: str) -> Run:
    return runs(text, "en")[-1]


@pytest.mark.parametrize(
    "text",
    [
        "my card is 4111 1111", "four one one one one one", "3708, 870845,", "it is 5535, 3704, 57",
        "it is 5535, 3704,", "3708 870845",
    ],
)  # fmt: skip
def test_an_utterance_may_end_within_a_card_number(text: str) -> None:
    assert begun_card(last(text))


@pytest.mark.parametrize(
    "text",
    [
        "it is 01 23 45 67",
        "plus four nine three oh one two",
        "+49 30 123",
        "0151 2345",
        "212-555-01",
    ],
)
def test_an_utterance_may_end_within_a_telephone_number(text: str) -> None:
    assert begun_phone(last(text))


@pytest.mark.parametrize(
    "text",
    [
        "in 2019 2020", "12345678", "1 2 3 4 5 6", "chapters 12 13 14 15", "4111", "point 4 1 1 1",
        "we saw 1500, 2300", "four one",
    ],
)  # fmt: skip
def test_most_utterances_that_end_with_a_number_are_over(text: str) -> None:
    assert not begun_card(last(text))
    assert not begun_phone(last(text))


def accounts(text: str) -> list[str]:
    return [text[start:end] for start, end in ibans(text, "en")]


@pytest.mark.parametrize(
    "text",
    [
        "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB29-NWBK-6016-1331-9268-19",
        "de89370400440532013000",
        "D E eight nine three seven oh four oh oh four four uh oh five three two oh one three "
        "oh oh oh",
    ],
)  # fmt: skip
def test_ibans_are_found(text: str) -> None:
    assert accounts(f"it is {text} I think") == [text]


def test_an_iban_with_a_wrong_digit_is_found_by_its_form() -> None:
    assert accounts("yes DE88 3704 0044 0532 0130 00, no") == ["DE88 3704 0044 0532 0130 00"]


@pytest.mark.parametrize(
    "text",
    ["DE89 3704 0044", "IT 25 PEOPLE", "XX89370400440532013000", "the A4 and B52", "DEAR 12"],
)
def test_other_letters_and_digits_are_no_ibans(text: str) -> None:
    assert accounts(text) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("it is DE89 3704 00", "it is"),
        ("it is D E eight", "it is"),
        ("it is DE89 3704, no", "it is DE89 3704, no"),
        ("it is DE", "it is DE"),
        ("it is DE89 3704 0044 0532 0130 00 12", "it is DE89 3704 0044 0532 0130 00 12"),
        ("hello", "hello"),
    ],
)
def test_an_iban_at_the_end_may_go_on(text: str, shown: str) -> None:
    assert text[: open_iban(text, "en")].strip() == shown


def test_an_utterance_may_end_within_an_iban() -> None:
    assert begun_iban("it is DE89 37", "en") == len("it is ")
    for text in ("it is DE89", "it is DE89 3704 0044 0532 0130 00", "hello"):
        assert begun_iban(text, "en") == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "ann.lee+x@mail.example.com", "ann at example dot com",
        "ann dot lee at my dash site dot co",
        "ann underscore lee at example dot co dot uk", "ann arobase example point fr",
    ],
)  # fmt: skip
def test_addresses_are_found(text: str) -> None:
    said = f"{text} thanks"
    assert [said[start:end] for start, end in emails(said)] == [text]


@pytest.mark.parametrize(
    "text", ["meet me at noon", "at 5 dot 30", "a@b", "we look at it dot by dot"]
)
def test_other_words_are_no_addresses(text: str) -> None:
    assert list(emails(text)) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("write ann@exam", "write"),
        ("write ann.lee@", "write"),
        ("write ann dot", "write"),
        ("write ann dot lee", "write"),
        ("write ann dot lee at example", "write"),
        ("write ann at example", "write ann"),
        ("write ann at", "write ann"),
        ("write ann at example now", "write ann at example now"),
        ("write", "write"),
    ],
)
def test_an_address_at_the_end_may_go_on(text: str, shown: str) -> None:
    assert text[: open_email(text)].strip() == shown


@given(st.integers(0, 10**6))
def test_whatever_is_made_up_is_found(seed: int) -> None:
    rng = random.Random(seed)
    text, _ = card(rng)
    assert len(found(cards, f"it is {text}, so")) == 1
    text, _ = phone(rng)
    assert len(found(phones, f"it is {text}, so")) == 1
    text, _ = iban(rng)
    assert len(accounts(f"it is {text}, so")) == 1


@given(st.text("123456789", min_size=15, max_size=15), st.integers(1, 9))
def test_one_wrong_digit_makes_it_no_card(digits: str, by: int) -> None:
    whole = luhn(digits)
    wrong = whole[:-1] + str((int(whole[-1]) + by) % 10)
    assert len(set(whole)) == 1 or found(cards, whole) == [whole]
    assert found(cards, wrong) == []
