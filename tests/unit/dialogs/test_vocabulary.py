"""The words of the flow language."""

import pytest

from dialogs.vocabulary import ACTIONS, EVENTS, INPUT, event_known


@pytest.mark.parametrize(
    ("name", "known"),
    [("speech", True), ("custom", True), ("custom.paid", True), ("customs", False), ("", False)],
)
def test_an_event_is_known_or_not(name: str, known: bool) -> None:
    assert event_known(name) is known


def test_every_word_is_explained() -> None:
    assert all(EVENTS.values())
    assert all(kind.about for kind in ACTIONS.values())
    assert all(param.about for kind in ACTIONS.values() for param in kind.params.values())


def test_what_people_do_are_events() -> None:
    assert set(EVENTS) >= INPUT
