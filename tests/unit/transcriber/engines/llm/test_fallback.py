"""Somebody answers: the right model, and the next one when it fails."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from dialogs.errors import ModelFailed
from dialogs.ports import Piece, Prompt, Usage
from tests.conformance.llm import SAID, prompt, text
from tests.fakes.llm import FakeLlm, FakeLlmOptions
from transcriber.engines.llm.fallback import PATIENCE, Answered, Models
from transcriber.engines.llm.tariff import Tariff
from transcriber.engines.stt.health import State

OK = FakeLlmOptions()
WORDS = len(SAID.split())
TARIFF = Tariff.parse("first-1 100000 0; dear 200000 0")


class House:
    """Models by name, one over them, and what was told of it."""

    def __init__(self, names: Sequence[str] = (), **models: FakeLlmOptions) -> None:
        self.models = {
            name: FakeLlm(options.model_copy(update={"name": name}))
            for name, options in models.items()
        }
        self.names = names or tuple(models)
        self.answered: list[Answered] = []
        self.turned: list[State] = []

    @asynccontextmanager
    async def open(self, **more: Any) -> AsyncIterator[Models]:
        models = Models(
            self.models.__getitem__,
            self.names,
            known=self.models,
            observe=self.answered.append,
            turned=self.turned.append,
            **more,
        )
        async with models:
            yield models

    def asked(self, name: str) -> list[str]:
        """The models that an engine was asked for."""
        return [prompt.model for prompt in self.models[name].asked]


async def answer(models: Models, asked: Prompt | None = None) -> list[Piece]:
    async with asyncio.timeout(300), aclosing(models.chat(asked or prompt("Hello"))) as pieces:
        return [piece async for piece in pieces]


async def test_the_first_answers_and_is_opened_when_it_is_needed() -> None:
    house = House(first=OK, second=OK)
    async with house.open() as models:
        assert not house.models["first"].entered
        assert text(await answer(models)) == SAID
        assert house.models["first"].entered
    assert not house.models["first"].entered
    assert house.asked("second") == []


async def test_the_next_answers_when_one_fails_and_the_first_again_when_it_is_well() -> None:
    house = House(first=FakeLlmOptions(failures=1), second=OK)
    async with house.open() as models:
        for _ in range(2):
            assert text(await answer(models)) == SAID
        assert len(house.asked("first")) == 1
        await asyncio.sleep(3)
        await answer(models)
    assert (len(house.asked("first")), len(house.asked("second"))) == (2, 2)
    assert [(state.engine, state.up) for state in house.turned] == [
        ("first", False), ("first", True),
    ]  # fmt: skip


async def test_a_model_that_says_nothing_makes_way_in_time() -> None:
    house = House(slow=FakeLlmOptions(opening=100.0), second=OK)
    clock = asyncio.get_running_loop().time
    async with house.open() as models:
        began = clock()
        assert text(await answer(models)) == SAID
    assert clock() - began == pytest.approx(PATIENCE)


async def test_a_model_that_has_nothing_to_say_makes_way() -> None:
    house = House(mute=FakeLlmOptions(said=""), second=OK)
    async with house.open() as models:
        assert text(await answer(models)) == SAID


async def test_what_was_begun_is_not_begun_again() -> None:
    house = House(first=FakeLlmOptions(dies_after=2), second=OK)
    async with house.open() as models, aclosing(models.chat(prompt("Hello"))) as pieces:
        assert text([await anext(pieces), await anext(pieces)]) == "We open"
        with pytest.raises(ModelFailed, match="broke off"):
            await anext(pieces)
    assert house.asked("second") == []


async def test_an_answer_that_stalls_is_given_up() -> None:
    async with House(only=FakeLlmOptions(word=100.0)).open() as models:
        with pytest.raises(ModelFailed, match="only does not answer"):
            await answer(models)


async def test_the_only_one_is_asked_again_but_not_forever() -> None:
    house = House(only=FakeLlmOptions(failures=1))
    async with house.open() as models:
        assert text(await answer(models)) == SAID
        house.models["only"].failures = 99
        with pytest.raises(ModelFailed, match="no model"):
            await answer(models)
    assert len(house.asked("only")) == 4


async def test_what_cannot_be_helped_is_told_at_once() -> None:
    house = House(only=FakeLlmOptions(failures=9, problem="auth"))
    async with house.open() as models:
        with pytest.raises(ModelFailed):
            await answer(models)
    assert len(house.asked("only")) == 1


async def test_a_request_nobody_could_fulfil_says_nothing_about_the_model() -> None:
    house = House(first=FakeLlmOptions(failures=1, problem="bad_request"), second=OK)
    async with house.open() as models:
        await answer(models)
        await answer(models)
    assert len(house.asked("first")) == 2
    assert house.turned == []


async def test_when_none_can_be_used_it_says_why() -> None:
    house = House(one=FakeLlmOptions(unusable="no key"), two=OK)
    async with house.open() as models:
        assert models.unusable() == ""
        assert text(await answer(models)) == SAID
        assert house.asked("one") == []
    async with House(one=FakeLlmOptions(unusable="no key")).open() as models:
        assert models.unusable() == "one: no key"
        with pytest.raises(ModelFailed, match="no key"):
            await answer(models)


@pytest.mark.parametrize(
    ("wish", "asked"),
    [
        ("", {"first": [""], "second": [], "special": []}),
        ("dear", {"first": ["dear"], "second": [], "special": []}),
        ("llama3.2:3b", {"first": ["llama3.2:3b"], "second": [], "special": []}),
        ("second:big", {"first": [], "second": ["big"], "special": []}),
        ("special:", {"first": [], "second": [], "special": [""]}),
    ],
)
async def test_a_flow_may_name_the_model(wish: str, asked: dict[str, list[str]]) -> None:
    house = House(("first", "second"), first=OK, second=OK, special=OK)
    async with house.open() as models:
        await answer(models, prompt("Hello", model=wish))
    assert {name: house.asked(name) for name in house.models} == asked


async def test_who_stands_in_uses_a_model_of_its_own() -> None:
    house = House(first=FakeLlmOptions(failures=1), second=OK)
    async with house.open() as models:
        await answer(models, prompt("Hello", model="dear"))
    assert (house.asked("first"), house.asked("second")) == (["dear"], [""])


async def test_who_is_interrupted_stops_the_model() -> None:
    house = House(only=FakeLlmOptions(word=1.0))
    async with house.open() as models:
        task = asyncio.create_task(answer(models))
        await asyncio.sleep(2.5)
        assert house.models["only"].writing == 1
        task.cancel()
        await asyncio.wait([task])
        assert house.models["only"].writing == 0
        assert text(await answer(models)) == SAID
    assert house.turned == []


async def test_answers_have_a_price() -> None:
    house = House(first=OK)
    async with house.open(tariff=TARIFF) as models:
        assert (await answer(models))[-1] == Usage(10, WORDS, 1.0)
        dear = await answer(models, prompt("Hello", model="dear"))
        assert dear[-1] == Usage(10, WORDS, 2.0)
    assert house.answered == [Answered("first", 0.0, Usage(10, WORDS, cost)) for cost in (1.0, 2.0)]


async def test_when_the_budget_is_spent_nobody_is_asked_until_the_next_day() -> None:
    house = House(first=OK)
    async with house.open(tariff=TARIFF, budget=1.5) as models:
        await answer(models)
        await answer(models)
        with pytest.raises(ModelFailed, match="budget"):
            await answer(models)
        await asyncio.sleep(86_400)
        await answer(models)
    assert len(house.asked("first")) == 3


async def test_an_answer_that_nobody_heard_to_its_end_is_paid_for_all_the_same() -> None:
    house = House(first=FakeLlmOptions(counts=False, word=1.0))
    async with house.open(tariff=TARIFF, budget=0.1) as models:
        async with aclosing(models.chat(prompt("Hello there, who is it?"))) as pieces:
            await anext(pieces)
        with pytest.raises(ModelFailed, match="budget"):
            await answer(models)
    assert house.answered == [Answered("first", 0.0, None)]
