"""Somebody speaks: the right engine, the next one when it fails, sentence by sentence."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from tests.fakes.tts import WORD, FakeTts, FakeTtsOptions
from transcriber.engines.stt.health import State
from transcriber.engines.stt.policy import Policy
from transcriber.engines.tts.base import Manner
from transcriber.engines.tts.fallback import PATIENCE, Members, Spoken
from transcriber.engines.tts.pronunciation import Pronunciations
from transcriber.engines.tts.speaker import LONGEST, Piece, Speaker
from transcriber.errors import BadInput, EngineError, Misconfigured


class House:
    """Engines by name, and a speaker over them."""

    def __init__(self, policy: str = "", **engines: FakeTtsOptions) -> None:
        self.engines = {
            name: FakeTts(options.model_copy(update={"name": name}))
            for name, options in engines.items()
        }
        self.spoken: list[Spoken] = []
        self.turned: list[State] = []
        self.policy = Policy.parse(policy or ", ".join(engines), "TTS_BACKEND")

    def make(self, name: str) -> FakeTts:
        if name not in self.engines:
            raise Misconfigured("TTS_BACKEND", f"there is no voice {name!r}")
        return self.engines[name]

    def speaker(self, **more: Any) -> Speaker:
        members = Members(
            self.make,
            cache_bytes=1_000_000,
            observe=self.spoken.append,
            turned=self.turned.append,
        )
        return Speaker(members, self.policy, **more)

    @asynccontextmanager
    async def open(self, **more: Any) -> AsyncIterator[Speaker]:
        async with self.speaker(**more) as speaker:
            yield speaker


async def said(speaker: Speaker, text: str, **wishes: Any) -> list[Piece]:
    async with asyncio.timeout(120), speaker.speak(text, **wishes) as pieces:
        return [piece async for piece in pieces]


def engines(pieces: Sequence[Piece]) -> list[str]:
    return list(dict.fromkeys(piece.engine for piece in pieces))


OK = FakeTtsOptions()


async def test_a_text_is_said_sentence_by_sentence() -> None:
    house = House(good=OK)
    async with house.open() as speaker:
        pieces = await said(speaker, "Hello there. How are you?")
    assert house.engines["good"].asked == ["Hello there.", "How are you?"]
    assert [piece.text for piece in pieces] == ["Hello there."] * 2 + ["How are you?"] * 3
    assert sum(len(piece.samples) for piece in pieces) == 5 * WORD
    assert not house.engines["good"].entered


async def test_words_are_pronounced_as_listed_and_told_as_written() -> None:
    house = House(good=OK)
    table = Pronunciations({"HPB": "H P B"})
    async with house.open(pronunciations=table) as speaker:
        pieces = await said(speaker, "The HPB.")
    assert house.engines["good"].asked == ["The H P B."]
    assert {piece.text for piece in pieces} == {"The HPB."}


async def test_nothing_to_say_is_no_sound() -> None:
    async with House(good=OK).open() as speaker:
        assert await said(speaker, " \n") == []


async def test_a_text_without_end_is_refused() -> None:
    async with House(good=OK).open() as speaker:
        with pytest.raises(BadInput, match="too long"):
            await said(speaker, "a" * (LONGEST + 1))


async def test_the_language_chooses_the_engine() -> None:
    house = House("de -> german; else good", good=OK, german=FakeTtsOptions(languages=("de",)))
    async with house.open() as speaker:
        assert engines(await said(speaker, "Hallo.", language="de-AT")) == ["german"]
        assert engines(await said(speaker, "Hello.")) == ["good"]


async def test_a_caller_may_choose_the_engine_also_one_outside_the_policy() -> None:
    house = House("good", good=OK, special=OK)
    async with house.open() as speaker:
        assert not house.engines["special"].entered
        assert engines(await said(speaker, "Hello.", engine="special")) == ["special"]
        with pytest.raises(Misconfigured, match="no voice 'x'"):
            await said(speaker, "Hello.", engine="x")
    assert not house.engines["special"].entered


async def test_who_has_the_wished_voice_speaks_and_the_others_only_when_it_fails() -> None:
    house = House(good=OK, other=FakeTtsOptions(voices=("eve",), problem="auth"))
    async with house.open() as speaker:
        assert engines(await said(speaker, "Hello.", voice="eve")) == ["other"]
        house.engines["other"].failures = 1
        assert engines(await said(speaker, "Hello again.", voice="eve")) == ["good"]


async def test_the_usual_voice_is_of_those_who_know_it() -> None:
    house = House("de -> german; else good", good=OK, german=FakeTtsOptions(voices=("uwe",)))
    async with house.open(usual=Manner("bob", speed=0.5)) as speaker:
        pieces = await said(speaker, "Hello.")
        assert len(pieces[0].samples) == 2 * WORD
        assert engines(await said(speaker, "Hallo.", language="de")) == ["german"]


async def test_a_usual_voice_that_nobody_has_is_a_mistake() -> None:
    with pytest.raises(Misconfigured, match="TTS_VOICE: no engine of TTS_BACKEND has the voice x"):
        House(good=OK).speaker(usual=Manner("x"))


@pytest.mark.parametrize(
    ("wishes", "problem"),
    [
        ({"voice": "eve"}, "good has no voice eve; choose one of ann, bob"),
        ({"language": "fr"}, "no engine speaks fr at speed 1; name one in TTS_BACKEND"),
        ({"speed": 9.0}, "good speaks at speeds from 0.5 to 2, not 9"),
    ],
)
async def test_what_nobody_can_do_is_refused(wishes: dict[str, Any], problem: str) -> None:
    async with House("en -> good", good=OK).open() as speaker:
        with pytest.raises(EngineError) as refused:
            await said(speaker, "Hello.", **wishes)
    assert str(refused.value) == problem


async def test_a_voice_that_nobody_has_is_refused_by_all() -> None:
    async with House(good=OK, other=OK).open() as speaker:
        with pytest.raises(EngineError, match="no engine speaks en in the voice eve at speed 1"):
            await said(speaker, "Hello.", voice="eve")


async def test_the_next_engine_speaks_when_one_fails_and_the_first_again_when_it_is_well() -> None:
    house = House(first=FakeTtsOptions(failures=1), second=OK)
    async with house.open() as speaker:
        assert engines(await said(speaker, "One.")) == ["second"]
        assert engines(await said(speaker, "Two.")) == ["second"]
        await asyncio.sleep(3)
        assert engines(await said(speaker, "Three.")) == ["first"]
    assert [(state.engine, state.up) for state in house.turned] == [
        ("first", False), ("first", True),
    ]  # fmt: skip


async def test_only_one_text_is_tried_on_an_engine_that_was_down() -> None:
    house = House(first=FakeTtsOptions(failures=2), second=OK)
    async with house.open() as speaker:
        await said(speaker, "One.")
        await asyncio.sleep(3)
        house.engines["first"].options.opening = 2.0
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(said(speaker, f"Number {n}.")) for n in range(5)]
    assert all(engines(task.result()) == ["second"] for task in tasks)
    assert len(house.engines["first"].asked) == 2


async def test_an_engine_that_says_nothing_makes_way_in_time() -> None:
    house = House(slow=FakeTtsOptions(opening=100.0), second=OK)
    async with house.open() as speaker:
        began = asyncio.get_running_loop().time()
        assert engines(await said(speaker, "One.")) == ["second"]
        took = asyncio.get_running_loop().time() - began
    assert took == pytest.approx(PATIENCE)
    assert house.spoken == [Spoken("second", 4, 0.1, 0.0, cached=False)]


async def test_a_sentence_that_breaks_off_is_said_again_by_the_next() -> None:
    house = House(first=FakeTtsOptions(dies_after=2), second=OK)
    async with house.open() as speaker:
        pieces = await said(speaker, "One two three. Four.")
    assert [(piece.engine, piece.text) for piece in pieces] == [
        *[("first", "One two three.")] * 2, *[("second", "One two three.")] * 3, ("first", "Four."),
    ]  # fmt: skip


async def test_the_only_engine_is_asked_again_but_not_forever() -> None:
    house = House(only=FakeTtsOptions(failures=2))
    async with house.open() as speaker:
        assert engines(await said(speaker, "One.")) == ["only"]
        house.engines["only"].failures = 99
        with pytest.raises(EngineError, match="no voice"):
            await said(speaker, "Two.")
    assert house.engines["only"].asked == ["One."] * 3 + ["Two."] * 3


async def test_who_waited_for_long_is_not_asked_to_wait_again() -> None:
    house = House(only=FakeTtsOptions(opening=100.0))
    async with house.open() as speaker:
        with pytest.raises(EngineError, match="only says nothing"):
            await said(speaker, "One.")
    assert len(house.engines["only"].asked) == 1


async def test_a_sound_that_stalls_is_given_up() -> None:
    house = House(only=FakeTtsOptions(word=100.0))
    async with house.open() as speaker:
        with pytest.raises(EngineError, match="only says nothing"):
            await said(speaker, "One two.")


async def test_what_cannot_be_helped_is_told_at_once() -> None:
    house = House(only=FakeTtsOptions(failures=9, problem="auth"))
    async with house.open() as speaker:
        with pytest.raises(EngineError) as refused:
            await said(speaker, "One.")
    assert refused.value.kind == "auth"
    assert len(house.engines["only"].asked) == 1


async def test_the_problem_of_the_wanted_engine_is_told() -> None:
    house = House(
        first=FakeTtsOptions(failures=9, problem="quota"),
        second=FakeTtsOptions(failures=9, problem="auth"),
    )
    async with house.open() as speaker:
        with pytest.raises(EngineError) as refused:
            await said(speaker, "One.")
    assert refused.value.kind == "quota"


async def test_a_request_nobody_could_fulfil_says_nothing_about_the_engine() -> None:
    house = House(first=FakeTtsOptions(failures=1, problem="bad_request"), second=OK)
    async with house.open() as speaker:
        assert engines(await said(speaker, "One.")) == ["second"]
        assert engines(await said(speaker, "Two.")) == ["first"]
    assert house.turned == []


async def test_what_an_engine_has_said_it_says_again_although_it_is_down() -> None:
    house = House(first=OK, second=OK)
    async with house.open() as speaker:
        await said(speaker, "Welcome.")
        house.engines["first"].failures = 9
        assert engines(await said(speaker, "News.")) == ["second"]
        assert engines(await said(speaker, "Welcome.")) == ["first"]
    assert [(one.engine, one.cached) for one in house.spoken] == [
        ("first", False), ("second", False), ("first", True),
    ]  # fmt: skip


async def test_an_engine_that_cannot_be_loaded_is_replaced() -> None:
    house = House(broken=OK, second=OK)
    house.engines["broken"].unusable = lambda: "no licence"  # type: ignore[method-assign]
    async with house.open() as speaker:
        assert speaker.unusable() == ""
        assert engines(await said(speaker, "One.")) == ["second"]
        assert house.engines["broken"].asked == []


async def test_when_no_engine_can_be_used_it_says_why() -> None:
    house = House(broken=OK)
    house.engines["broken"].unusable = lambda: "no licence"  # type: ignore[method-assign]
    assert house.speaker().unusable() == "broken: no licence"
    async with house.open() as speaker:
        with pytest.raises(EngineError, match="no licence") as refused:
            await said(speaker, "One.")
    assert refused.value.kind == "unusable"


async def test_only_what_can_be_used_is_prepared() -> None:
    house = House(broken=OK, second=OK)
    house.engines["broken"].unusable = lambda: "no licence"  # type: ignore[method-assign]
    told: list[str] = []
    await house.speaker().prepare(lambda what, done: told.append(what))
    assert told == ["ready"]


LONG = " ".join(f"Sentence number {number} is here." for number in range(100))


async def test_no_more_is_made_than_is_soon_wanted() -> None:
    house = House(good=OK)
    async with house.open() as speaker, speaker.speak(LONG) as pieces:
        await anext(pieces)
        await asyncio.sleep(60)
        assert 8 < len(house.engines["good"].asked) < 14
    assert house.engines["good"].speaking == 0


async def test_what_is_heard_slowly_is_made_before_it_is_wanted() -> None:
    house = House(good=FakeTtsOptions(opening=1.0))
    clock = asyncio.get_running_loop().time
    waits = []
    async with house.open() as speaker, speaker.speak("One two three four. " * 3) as pieces:
        await asyncio.sleep(5)
        before = clock()
        async for _ in pieces:
            waits.append(clock() - before)
            await asyncio.sleep(0.1)
            before = clock()
    assert max(waits) == 0.0


async def test_who_is_interrupted_stops_everything() -> None:
    house = House(good=FakeTtsOptions(word=1.0))
    async with house.open() as speaker:
        task = asyncio.create_task(said(speaker, LONG))
        await asyncio.sleep(3.5)
        assert house.engines["good"].speaking == 1
        task.cancel()
        await asyncio.wait([task])
        assert house.engines["good"].speaking == 0
    assert len(house.engines["good"].asked) == 1


async def test_samples_come_as_they_were_made() -> None:
    async with House(good=OK).open() as speaker:
        (piece,) = await said(speaker, "Hello.")
    assert np.allclose(piece.samples, 0.06, atol=1e-4)


async def test_the_engines_can_be_looked_at() -> None:
    house = House(good=OK)
    members = Members(house.make, cache_bytes=0)
    async with members:
        await members.load(["good"])
        assert [state.engine for state in members.states] == ["good"]
