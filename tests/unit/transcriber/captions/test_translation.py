"""Everybody reads in the language they chose, in order, and nobody misses a sentence."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tests.virtual_time import VirtualTimeLoop
from transcriber.call import Caption
from transcriber.captions.translation import WAITING, Interpreter
from transcriber.errors import EngineError


class Room:
    """Who reads what there; `slow` says how long a text takes, `hopeless` which cannot be done."""

    def __init__(self) -> None:
        self.targets = {"bob": "", "cid": "de", "eve": "fr"}
        self.read: defaultdict[str, list[str]] = defaultdict(list)
        self.languages: defaultdict[str, list[str]] = defaultdict(list)
        self.asked: list[tuple[str, str, str]] = []
        self.slow: dict[str, float] = {}
        self.hopeless: set[str] = set()
        self.interpreter = Interpreter(self.show, lambda: self.targets, self)

    async def show(self, caption: Caption, readers: Collection[str]) -> None:
        for reader in readers:
            self.read[reader].append(caption.text)
            self.languages[reader].append(caption.language)

    async def translate(self, text: str, *, source: str, target: str) -> str:
        self.asked.append((text, source, target))
        await asyncio.sleep(self.slow.get(text, 0.0))
        if text in self.hopeless:
            raise EngineError("engine", "no idea")
        return f"{target}({text})"

    async def say(
        self, text: str, *, who: str = "ann", language: str = "en", final: bool = True
    ) -> None:
        caption = Caption(who, text, language, final)
        await self.interpreter.show(caption, tuple(self.targets))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.interpreter.run())
        await asyncio.sleep(0)
        try:
            yield
            await self.interpreter.shown()
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_each_reads_in_their_own_language() -> None:
    room = Room()
    async with room.running():
        await room.say("hello")
    assert room.read == {"bob": ["hello"], "cid": ["de(hello)"], "eve": ["fr(hello)"]}
    assert room.languages["cid"] == ["de"]


async def test_what_is_spoken_in_ones_own_language_is_not_translated() -> None:
    room = Room()
    async with room.running():
        await room.say("hallo", language="de-AT")
        await room.say("hall", language="de-AT", final=False)
    assert room.read["cid"] == ["hallo"], "an interim caption would come before what was said"
    assert {target for _, _, target in room.asked} == {"fr"}


async def test_interim_captions_are_for_those_who_understand_them() -> None:
    room = Room()
    async with room.running():
        await room.say("hal", language="de", final=False)
    assert room.read == {"bob": ["hal"], "cid": ["hal"]}
    assert room.asked == []


async def test_sentences_stay_in_the_order_they_were_said() -> None:
    room = Room()
    room.slow = {"one": 5.0, "two": 0.1, "three": 1.0}
    async with room.running():
        for text in ("one", "two", "three"):
            await room.say(text)
        await room.say("quick", who="dan")
        await room.say("vier", language="de")
    expected = ["de(one)", "de(two)", "de(three)", "vier"]
    assert [text for text in room.read["cid"] if "quick" not in text] == expected
    assert room.read["cid"][0] == "de(quick)", "nobody waits for another speaker"
    assert room.read["bob"] == ["one", "two", "three", "quick", "vier"]


async def test_without_a_translation_it_is_shown_as_it_was_said() -> None:
    room = Room()
    room.hopeless = {"two"}
    async with room.running():
        for text in ("one", "two", "three"):
            await room.say(text)
    assert room.read["cid"] == ["de(one)", "two", "de(three)"]
    assert room.languages["cid"] == ["de", "en", "de"]


async def test_nothing_is_translated_twice() -> None:
    room = Room()
    async with room.running():
        for _ in range(3):
            await room.say("yes")
            await asyncio.sleep(1)
    assert sorted(target for _, _, target in room.asked) == ["de", "fr"]
    assert room.read["eve"] == ["fr(yes)"] * 3


async def test_who_reads_no_more_gets_nothing_that_was_on_its_way() -> None:
    room = Room()
    room.slow = {"one": 5.0}
    async with room.running():
        await room.say("one")
        del room.targets["cid"]
    assert "cid" not in room.read


async def test_who_changes_the_language_misses_nothing() -> None:
    room = Room()
    room.slow = {"one": 5.0}
    async with room.running():
        await room.say("one")
        room.targets["cid"] = "fr"
        await asyncio.sleep(6)
        await room.say("two")
    assert room.read["cid"] == ["de(one)", "fr(two)"]


async def test_too_many_that_wait_are_shown_as_they_were_said() -> None:
    room = Room()
    texts = [str(number) for number in range(WAITING + 10)]
    room.slow = dict.fromkeys(texts, 5.0)
    async with room.running():
        for text in texts:
            await room.say(text)
    assert room.read["cid"][:10] == texts[:10]
    assert room.read["cid"][10:] == [f"de({text})" for text in texts[10:]]


async def test_the_memory_of_a_call_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcriber.captions.translation.REMEMBERED", 3)
    room = Room()
    room.targets = {"cid": "de"}
    async with room.running():
        for text in ("one", "two", "three", "four", "one"):
            await room.say(text)
            await asyncio.sleep(1)
    assert [text for text, _, _ in room.asked].count("one") == 2
    assert len(room.interpreter._known) == 3


@given(
    st.lists(
        st.tuples(st.sampled_from(["ann", "dan"]), st.floats(0, 9), st.booleans()), max_size=20
    )
)
def test_nothing_is_lost_and_nothing_overtakes(
    said: list[tuple[str, float, bool]],
) -> None:
    async def run() -> Room:
        room = Room()
        async with room.running():
            for number, (who, seconds, can) in enumerate(said):
                text = f"{who}{number}"
                room.slow[text] = seconds
                room.hopeless |= set() if can else {text}
                await room.say(text, who=who)
                await asyncio.sleep(0.5)
        return room

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        room = runner.run(run())
    for who in ("ann", "dan"):
        spoken = [f"{one}{number}" for number, (one, _, _) in enumerate(said) if one == who]
        wanted = [text if text in room.hopeless else f"de({text})" for text in spoken]
        assert [text for text in room.read["cid"] if who in text] == wanted
