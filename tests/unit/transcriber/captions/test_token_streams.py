"""Kyutai's token streams as they were recorded: what becomes of them in captions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.load.flicker import changes, flicker, tokens
from tests.peers.speech import plain
from tests.wire.kyutai import Recording, recording
from tests.wire.kyutai.record import BREAK, TEXTS

BAR = 0.1
"""Shown words that may change for each word of the finals."""
SHORT = ["v1-carroll", "v1-dickens", "moshi-melville"]
"""Enough for a test: two of them break. `tests.load.accuracy` takes all."""
BROKEN = [name for name in SHORT if name.partition("-")[2] in BREAK]


@pytest.mark.parametrize("name", SHORT)
async def test_each_word_is_read_once_and_hardly_any_changes(name: str) -> None:
    seen = await tokens(recording(name))
    wanted = TEXTS[name.partition("-")[2]].replace("|", " ")
    assert plain(" ".join(seen.texts)) == plain(wanted)
    assert len(seen.partials_ms) > len(plain(wanted)) / 2
    assert flicker([seen], exact=True) <= BAR


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_heard_again_after_a_break_would_be_seen_to_change(name: str) -> None:
    assert flicker([await tokens(recording(name), captions=False)], exact=True) > BAR


async def test_a_stream_that_takes_back_what_it_said_is_not_called_steady() -> None:
    told = recording("v1-carroll")
    assert flicker([await tokens(_contrary(told))]) > BAR


def _contrary(told: Recording) -> Recording:
    """The same words, and other ones at the end of each sentence."""
    lines = [
        replace(line, message=line.message | {"text": "something else"})
        if line.message and line.message["type"] == "segment"
        else line
        for line in told.lines
    ]
    return replace(told, lines=lines)


def test_words_that_are_only_added_have_not_changed() -> None:
    assert changes(["a", "b"], ["a", "b", "c"]) == 0
    assert changes(["a", "b"], ["a", "x", "c"]) == 1
    assert changes(["a", "b", "c"], ["a"]) == 2
