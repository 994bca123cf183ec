"""Whether calls can be heard and how captions are shown, as Nextcloud tells it."""

from __future__ import annotations

from typing import Any

import pytest

from transcriber.connectors.nextcloud import Identity, Nextcloud, Unanswered
from transcriber.connectors.nextcloud.abilities import Abilities


class Cloud(Nextcloud):
    """Has these capabilities of calls."""

    def __init__(self, told: Any) -> None:
        self.identity = Identity("a", "1", "1", "s", "http://cloud")
        self._told = told

    async def ask(self, *what: Any, **how: Any) -> Any:
        assert what == ("GET", "/ocs/v2.php/cloud/capabilities")
        if self._told is None:
            raise Unanswered("down")
        return self._told


def talk(call: Any) -> Any:
    return {"version": {"major": 33}, "capabilities": {"spreed": {"config": {"call": call}}}}


@pytest.mark.parametrize(
    ("told", "is_so"),
    [
        (talk({"enabled": True, "end-to-end-encryption": True}), True),
        (talk({"enabled": True, "end-to-end-encryption": False}), False),
        (talk({"enabled": True}), False),
        (talk({"end-to-end-encryption": "odd"}), False),
        (talk([]), False),
        ({"capabilities": []}, False),
        ([], False),
    ],
)
async def test_talk_tells_whether_calls_are_encrypted(told: Any, is_so: bool) -> None:
    assert await Abilities(Cloud(told)).encrypted() is is_so


async def test_without_an_answer_calls_count_as_ones_that_can_be_heard() -> None:
    assert await Abilities(Cloud(None)).encrypted() is False


def version(told: Any) -> Any:
    return {"capabilities": {"spreed": {"version": told}}}


@pytest.mark.parametrize(
    ("told", "is_so"),
    [
        ("22.0.9", False),
        ("22.0.10", True),
        ("22.1.0", True),
        ("23.0.0-beta.1", False),
        ("23.0.2", True),
        ("24.0.0", True),
        ("35.0.0-dev.1", True),
        ("21.9.9", False),
        ("", False),
        (None, False),
        ("newest", False),
    ],
)
async def test_how_captions_are_shown_follows_from_talks_version(told: Any, is_so: bool) -> None:
    abilities = Abilities(Cloud(version(told)))
    assert not abilities.replaces(), "who does not know it yet says no"
    await abilities.encrypted()
    assert abilities.replaces() is is_so


async def test_what_is_set_here_counts_more_than_the_version() -> None:
    for wanted in (True, False):
        abilities = Abilities(Cloud(version("21.0.0" if wanted else "24.0.0")), replaces=wanted)
        await abilities.encrypted()
        assert abilities.replaces() is wanted


async def test_a_nextcloud_that_is_down_changes_nothing() -> None:
    cloud = Cloud(version("24.0.0"))
    abilities = Abilities(cloud)
    await abilities.encrypted()
    cloud._told = None
    await abilities.encrypted()
    assert abilities.replaces()
