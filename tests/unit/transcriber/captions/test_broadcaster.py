"""Captions reach those who asked, in order, and none too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from transcriber.bus.memory import Bus
from transcriber.call import Caption
from transcriber.captions.broadcaster import LIMIT, PACE, Broadcaster
from transcriber.events import Speech, SpeechFinal, SpeechPartial


class Wall:
    """Where captions are shown; slow, if it is told to be."""

    def __init__(self, *, replacing: bool = True) -> None:
        self.shown: list[tuple[str, str, bool]] = []
        self.seen_by: list[set[str]] = []
        self.readers = {"bob"}
        self.slow = 0.0
        self.bus = Bus()
        self.replacing = replacing
        self.captions = Broadcaster(
            self.show, lambda: self.readers, replacing=lambda: self.replacing
        )

    async def show(self, caption: Caption, readers: Collection[str]) -> None:
        await asyncio.sleep(self.slow)
        self.shown.append((caption.person_id, caption.text, caption.final))
        self.seen_by.append(set(readers))

    @property
    def texts(self) -> list[str]:
        return [text for _, text, _ in self.shown]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.captions.run())
        end = self.captions.subscribe(self.bus, "s")
        try:
            yield
            await asyncio.sleep(10)
        finally:
            end()
            task.cancel()
            await asyncio.wait({task})

    def say(self, text: str, *, final: bool = True, who: str = "ann", session: str = "s") -> None:
        said = Speech(room="r", person_id=who, transcript=text, language="en", start_ms=0, end_ms=1)
        kind = SpeechFinal if final else SpeechPartial
        self.bus.publish(kind(session_id=session, data=said))


async def test_finals_are_shown_in_order_to_those_who_read_then() -> None:
    wall = Wall()
    async with wall.running():
        for text in ("one", "two"):
            wall.say(text)
        await asyncio.sleep(1)
        wall.readers = {"bob", "cid"}
        wall.say("three", who="eve")
    assert wall.shown == [("ann", "one", True), ("ann", "two", True), ("eve", "three", True)]
    assert wall.seen_by == [{"bob"}, {"bob"}, {"bob", "cid"}]


async def test_what_other_sessions_hear_is_not_shown() -> None:
    wall = Wall()
    async with wall.running():
        wall.say("secret", session="other")
        wall.say("secret", session="other", final=False)
    assert wall.shown == []


async def test_nothing_is_shown_after_the_end() -> None:
    wall = Wall()
    async with wall.running():
        pass
    wall.say("late")
    await asyncio.sleep(1)
    assert wall.shown == []


async def test_an_interim_caption_is_shown_at_once_and_the_next_not_too_soon() -> None:
    wall = Wall()
    async with wall.running():
        for text in ("a", "a b", "a b c"):
            wall.say(text, final=False)
            await asyncio.sleep(PACE / 10)
        assert wall.texts == ["a"]
        await asyncio.sleep(PACE)
        assert wall.texts == ["a", "a b c"]


async def test_speakers_do_not_slow_each_other() -> None:
    wall = Wall()
    async with wall.running():
        wall.say("a", final=False)
        wall.say("b", final=False, who="eve")
        await asyncio.sleep(PACE / 10)
        assert wall.texts == ["a", "b"]


async def test_a_final_ends_what_was_interim() -> None:
    wall = Wall()
    async with wall.running():
        wall.say("a", final=False)
        await asyncio.sleep(PACE / 10)
        wall.say("a b", final=False)
        wall.say("a b c")
    assert wall.shown == [("ann", "a", False), ("ann", "a b c", True)]


async def test_a_slow_way_loses_interim_captions_but_no_finals() -> None:
    wall = Wall()
    wall.slow = 0.5
    async with wall.running():
        for number in range(5):
            wall.say(f"{number}?", final=False)
            wall.say(f"{number}.")
            wall.say(f"{number + 1}?", final=False)
    assert wall.texts == ["0.", "1.", "2.", "3.", "4.", "5?"]


async def test_when_far_too_many_wait_the_oldest_go() -> None:
    wall = Wall()
    async with wall.running():
        for number in range(LIMIT + 1):
            wall.say(str(number))
    assert wall.texts == [str(number) for number in range(1, LIMIT + 1)]


async def test_where_nothing_is_replaced_sure_words_are_appended() -> None:
    wall = Wall(replacing=False)
    async with wall.running():
        for text in ("he", "he said", "he said yes"):
            wall.say(text, final=False)
        wall.say("he said yes now")
        wall.say("and so on")
        wall.say("he", final=False)
        wall.say("he")
    assert wall.texts == ["he", "said", "yes now", "and so on", "he"]
    assert all(final for _, _, final in wall.shown)


async def test_what_is_learnt_in_mid_sentence_counts_from_the_next() -> None:
    wall = Wall(replacing=False)
    async with wall.running():
        wall.say("he", final=False)
        wall.say("he said", final=False)
        await asyncio.sleep(1)
        wall.replacing = True
        wall.say("he said yes", final=False)
        wall.say("he said yes now")
        wall.say("and", final=False)
        await asyncio.sleep(1)
        wall.say("and so on")
    assert wall.texts == ["he", "said", "yes now", "and", "and so on"]
    assert [final for _, _, final in wall.shown] == [True, True, True, False, True]
