"""Language models over the network: every interface, and all that goes wrong with one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from dialogs.ports import ToolCall
from tests.conformance.llm import SAID, WEATHER, LlmConformance, answer, prompt, text
from tests.peers.engines import llm as fake
from tests.peers.engines.mouth import Asked
from tests.peers.engines.server import Mischief, impatient
from transcriber import engines
from transcriber.engines.llm import online
from transcriber.engines.llm.base import Llm
from transcriber.errors import EngineError

SETTINGS = {
    "openai": {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "URL/v1"},
    "compatible": {"LLM_URL": "URL/v1/", "LLM_KEY": "k", "LLM_MODEL": "m"},
    "anthropic": {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "URL"},
}


def engine(name: str, url: str, **more: str) -> Llm:
    settings = {key: value.replace("URL", url) for key, value in SETTINGS[name].items()}
    kind = engines.llm(name)
    return kind(kind.Options.model_validate(settings | more))


def serving(name: str, mischief: Mischief | None = None) -> AbstractAsyncContextManager[Asked]:
    return fake.anthropic(mischief) if name == "anthropic" else fake.completions(mischief)


class TestOpenAi(LlmConformance):
    @pytest.fixture
    async def llm(self) -> AsyncIterator[Llm]:
        async with fake.completions() as server, engine("openai", server.url) as llm:
            yield llm


@pytest.mark.parametrize("dialect", fake.DIALECTS)
class TestCompatible(LlmConformance):
    @pytest.fixture
    async def llm(self, dialect: str) -> AsyncIterator[Llm]:
        services = fake.completions(dialect=fake.DIALECTS[dialect])
        async with services as server, engine("compatible", server.url) as llm:
            yield llm


class TestAnthropic(LlmConformance):
    @pytest.fixture
    async def llm(self) -> AsyncIterator[Llm]:
        async with fake.anthropic() as server, engine("anthropic", server.url) as llm:
            yield llm


async def test_everything_that_is_wished_is_sent() -> None:
    async with fake.completions() as server, engine("openai", server.url) as llm:
        asked = prompt("Hello")
        await answer(llm, asked)
        await answer(llm, prompt("Hello", model="gpt-5-mini"))
    usual, other = server.bodies
    assert usual["model"] == "gpt-4.1-mini"
    assert (usual["messages"], usual["tools"]) == (asked.messages, asked.tools)
    assert usual["temperature"] == 0.4
    assert (other["model"], "temperature" in other) == ("gpt-5-mini", False)
    assert {seen["Authorization"] for seen in server.headers} == {"Bearer k"}


async def test_anthropic_is_let_in_and_told_who_it_is() -> None:
    async with fake.anthropic() as server, engine("anthropic", server.url) as llm:
        await answer(llm, prompt("Hello", model="claude-x"))
    assert server.headers[0]["x-api-key"] == "k"
    assert (server.bodies[0]["model"], server.bodies[0]["system"]) == (
        "claude-x", "You are a host.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("openai", "no key: set OPENAI_API_KEY"),
        ("anthropic", "no key: set ANTHROPIC_API_KEY"),
        ("compatible", "not configured: set LLM_URL and LLM_MODEL"),
    ],
)
def test_what_is_missing_is_told(name: str, lacking: str) -> None:
    kind = engines.llm(name)
    assert kind(kind.Options()).unusable() == lacking


def told(kind: str, message: str = "no", **more: str) -> str:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message} | more})


QUOTA = told("x", code="insufficient_quota")
TROUBLE: dict[str, tuple[str, Mischief, str]] = {
    "wrong key": ("openai", Mischief(status=401), "auth"),
    "no money": ("openai", Mischief(status=429, body=QUOTA), "quota"),
    "too many": ("openai", Mischief(status=429, headers={"Retry-After": "7"}), "busy"),
    "no model": ("compatible", Mischief(status=404), "bad_request"),
    "elsewhere": ("openai", Mischief(status=307, headers={"Location": "/x"}), "bad_request"),
    "no stream": ("openai", Mischief(status=200, body="{}"), "engine"),
    "crashed": ("openai", Mischief(status=500), "engine"),
    "cut off": ("openai", Mischief(cut_after=3), "network"),
    "nonsense": ("openai", Mischief(garbage_after=3), "engine"),
    "hangs at once": ("openai", Mischief(cold=60), "timeout"),
    "hangs": ("anthropic", Mischief(hang_after=3), "timeout"),
    "full": ("anthropic", Mischief(status=529, body=told("overloaded_error")), "busy"),
    "broke": (
        "anthropic",
        Mischief(status=400, body=told("invalid_request_error", "Your credit balance is low")),
        "quota",
    ),
    "wrong": ("anthropic", Mischief(status=400, body=told("invalid_request_error")), "bad_request"),
    "garbled": ("anthropic", Mischief(status=403, body="<html>"), "auth"),
}


@pytest.mark.parametrize("what", TROUBLE)
async def test_trouble_is_told_by_what_it_means(what: str) -> None:
    name, mischief, kind = TROUBLE[what]
    mischief.times = 1
    async with serving(name, mischief) as server, engine(name, server.url) as llm:
        with impatient(online, "PATIENCE", kind), pytest.raises(EngineError) as failed:
            await answer(llm, prompt("Hello"))
        assert failed.value.kind == kind
        assert text(await answer(llm, prompt("Hello"))) == SAID


@pytest.mark.parametrize(
    ("name", "event", "kind"),
    [
        ("compatible", {"error": {"code": "rate_limit_exceeded", "message": "slow"}}, "busy"),
        ("compatible", {"error": "model not loaded"}, "engine"),
        ("anthropic", {"type": "error", "error": {"type": "overloaded_error"}}, "busy"),
    ],
)
async def test_what_goes_wrong_while_it_writes_is_told(
    name: str, event: dict[str, Any], kind: str
) -> None:
    path = "/v1/messages" if name == "anthropic" else "/v1/chat/completions"
    async with (
        fake.chat(path, lambda words, tool: [event]) as server,
        engine(name, server.url) as llm,
    ):
        with pytest.raises(EngineError) as failed:
            await answer(llm, prompt("Hello"))
    assert failed.value.kind == kind


async def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "LONGEST", 1000)
    async with fake.completions() as server, engine("openai", server.url) as llm:
        with pytest.raises(EngineError, match="no end"):
            await answer(llm, prompt("Hello"))


async def test_two_tools_are_two_even_where_both_are_number_one() -> None:
    def twice(words: list[str], tool: bool) -> fake.Written:
        called = fake.DIALECTS["ollama"](words, True)
        again = json.loads(json.dumps(called[-3]).replace("call_x", "call_y"))
        return [*called[:-2], again, *called[-2:]]

    service = fake.completions(dialect=twice)
    async with service as server, engine("compatible", server.url) as llm:
        pieces = await answer(llm, prompt(WEATHER))
    assert [piece.id for piece in pieces if isinstance(piece, ToolCall)] == ["call_x", "call_y"]


async def test_nobody_there_is_told() -> None:
    async with engine("openai", "http://127.0.0.1:9") as llm:
        with pytest.raises(EngineError) as failed:
            await answer(llm, prompt("Hello"))
    assert failed.value.kind == "network"
