"""Whether calls can be heard, as Nextcloud tells it."""

from __future__ import annotations

from typing import Any

import pytest

from transcriber.connectors.nextcloud import Identity, Nextcloud, Unanswered
from transcriber.connectors.nextcloud.encryption import encrypted


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
    assert await encrypted(Cloud(told)) is is_so


async def test_without_an_answer_calls_count_as_ones_that_can_be_heard() -> None:
    assert await encrypted(Cloud(None)) is False
