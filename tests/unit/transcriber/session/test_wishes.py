"""What shall be true, as values."""

import pytest

from transcriber.session.wishes import Wish


def test_equal_wishes_are_equal_however_they_came_about() -> None:
    one = Wish("r").read_by("ann").read_by("bob").not_read_by("ann")
    other = Wish("r").read_by("bob").read_by("bob")
    assert one == other
    assert one != other.spoken_in("fr")


def test_reading_again_keeps_the_language() -> None:
    wish = Wish("r").read_by("ann").translated("ann", "de").read_by("ann")
    assert wish.readers == {"ann": "de"}


def test_wishes_do_not_change_each_other() -> None:
    before = Wish("r").read_by("ann")
    before.read_by("bob")
    before.not_read_by("ann")
    assert before.readers == {"ann": ""}
    with pytest.raises(TypeError):
        before.readers["eve"] = ""  # type: ignore[index]


def test_who_does_not_read_has_no_language() -> None:
    with pytest.raises(KeyError):
        Wish("r").translated("ann", "de")


def test_a_wish_can_be_kept() -> None:
    wish = Wish("r", "fr").read_by("ann").read_by("bob").translated("bob", "de")
    assert wish.value == {"language": "fr", "readers": {"ann": "", "bob": "de"}}
    assert Wish.of("r", wish.value) == wish


def test_a_conversation_can_be_wished() -> None:
    held = Wish("r").held("dlg_1")
    assert held.value == {"language": "en", "readers": {}, "dialog": "dlg_1"}
    assert Wish.of("r", held.value) == held


def test_another_engine_can_be_wished_and_the_usual_one_again() -> None:
    wish = Wish("r").heard_by("deepgram", "nova-2")
    assert wish.value == {
        "language": "en", "readers": {}, "engine": "deepgram", "model": "nova-2",
    }  # fmt: skip
    assert Wish.of("r", wish.value) == wish
    assert wish.heard_by("") == Wish("r")


def test_readers_are_awaited_unless_a_conversation_is_held() -> None:
    wish = Wish("r").read_by("ann").read_by("bob")
    assert set(wish.awaited) == {"ann", "bob"}
    assert not wish.held("d").awaited
