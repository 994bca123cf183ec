"""What a model need not know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.privacy import Vault


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("write to ann@example.org please", "write to [email 1] please"),
        ("my card is 4111 1111 1111 1111.", "my card is [card 1]."),
        ("card 4111 1111 1111 1112", "card [phone 1]"),
        ("call +49 30 1234567 or 030-7654321", "call [phone 1] or [phone 2]"),
        ("in 2026 we were 12, room 101", "in 2026 we were 12, room 101"),
        ("a@b.de and again a@b.de", "[email 1] and again [email 1]"),
    ],
)
def test_what_identifies_somebody_is_hidden_and_comes_back(text: str, hidden: str) -> None:
    vault = Vault()
    assert vault.hide(text) == hidden
    assert vault.reveal(hidden) == text


def test_what_was_kept_is_known_again() -> None:
    vault = Vault()
    vault.hide("a@b.de")
    again = Vault(vault.values)
    assert again.hide("a@b.de c@d.de") == "[email 1] [email 2]"


def test_words_that_stand_for_nothing_stay() -> None:
    assert Vault().reveal("[phone 7]") == "[phone 7]"


@given(st.text(alphabet="0123456789 +-()@.ab", max_size=60))
def test_everything_hidden_comes_back(text: str) -> None:
    vault = Vault()
    assert vault.reveal(vault.hide(text)) == text
