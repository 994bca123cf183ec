"""
What engines and those who wrap them do when a provider fails: nothing unfinished is lost, nothing
is said twice, and the reason is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from tests.conformance.stt import finals, text
from tests.fakes.stt import FakeStt
from tests.peers.engines import deepgram, ibm, kyutai, openai, vosk
from tests.peers.engines.ear import NAMES, SENTENCE
from tests.peers.engines.server import Mischief
from tests.peers.speech import blocks as sample
from transcriber import aio, engines
from transcriber.audio.block import SECONDS, Block, silence
from transcriber.engines.stt import fallback, mute, resume, wire
from transcriber.engines.stt import kyutai as gpu
from transcriber.engines.stt import openai as requests
from transcriber.engines.stt.base import Final, Heard, Interrupted, StreamOptions, Stt, SttStream
from transcriber.engines.stt.fallback import choose
from transcriber.engines.stt.members import Members
from transcriber.engines.stt.policy import Policy
from transcriber.engines.stt.resume import Resuming
from transcriber.errors import EngineError

SPED_UP = 8
"""How much faster than life people speak here."""
SPEECH: Sequence[Block] = (*SENTENCE, *[silence()] * 6)


class Seen(Protocol):
    """What a made-up service knows of its clients."""

    url: str

    @property
    def connections(self) -> int: ...


@dataclass(frozen=True)
class Provider:
    """An engine and a made-up service for it; what is said to it, and the words in that."""

    engine: str
    serve: Callable[[Mischief], AbstractAsyncContextManager[Seen]]
    settings: Callable[[str], dict[str, str]]
    speech: Sequence[Block] = SPEECH
    words: Sequence[str] = (*NAMES,)

    @asynccontextmanager
    async def running(self, mischief: Mischief) -> AsyncIterator[tuple[Seen, Stt]]:
        async with self.serve(mischief) as server:
            yield server, self.make(server.url)

    def make(self, url: str) -> Stt:
        kind = engines.stt(self.engine)
        return kind(kind.Options.model_validate(self.settings(url)))


def ws(url: str) -> str:
    return url.replace("http", "ws")


PROVIDERS = {
    "kyutai": Provider("kyutai", kyutai.own_service, lambda url: {"STT_STREAM_URL": ws(url)}),
    "moshi": Provider(
        "kyutai",
        kyutai.stock_server,
        lambda url: {"STT_STREAM_URL": ws(url), "KYUTAI_PROTOCOL": "moshi"},
    ),
    "nova": Provider(
        "deepgram",
        deepgram.nova,
        lambda url: {"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": url.rpartition("/v")[0]},
    ),
    "flux": Provider(
        "deepgram",
        deepgram.flux,
        lambda url: {
            "DEEPGRAM_API_KEY": "k",
            "DEEPGRAM_BASE_URL": url.rpartition("/v")[0],
            "DEEPGRAM_MODEL": "flux-general-en",
        },
    ),
    "openai": Provider(
        "openai",
        openai.realtime,
        lambda url: {
            "OPENAI_API_KEY": "k",
            "OPENAI_BASE_URL": url.removesuffix("/realtime"),
            "OPENAI_STT_MODE": "realtime",
        },
    ),
    "requests": Provider(
        "openai",
        openai.requests,
        lambda url: {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": url},
        speech=[*sample(13.9, 17.3), *[silence()] * 10],
        words=openai.SAYS.lower().strip(".").split(),
    ),
    "ibm": Provider(
        "ibm",
        ibm.watson,
        lambda url: {
            "IBM_STT_API_KEY": ibm.KEY,
            "IBM_STT_URL": url,
            "IBM_IAM_URL": f"{url}/identity/token",
        },
    ),
    "vosk": Provider("vosk", vosk.vosk_server, lambda url: {"LT_VOSK_SERVER_URL": ws(url)}),
}
LATE = ("openai", "requests")
"""Providers who say nothing before an utterance is over: whether they are mute shows only then."""


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Provider:
    return PROVIDERS[request.param]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEARTBEAT", 1.0)
    monkeypatch.setattr(requests, "ANSWER", 3.0)
    monkeypatch.setattr(resume, "pauses", lambda: aio.backoff(base=0.2, limit=1.0))


async def speak(stream: SttStream, blocks: Sequence[Block]) -> None:
    for block in blocks:
        stream.push(block)
        await asyncio.sleep(SECONDS / SPED_UP)
    stream.close()


async def live(stt: Stt, blocks: Sequence[Block] = SPEECH) -> list[Heard]:
    async with (
        stt,
        stt.open(StreamOptions()) as stream,
        asyncio.timeout(30),
        aio.alongside(speak(stream, blocks)),
    ):
        return [heard async for heard in stream]


def said(heard: Sequence[Heard]) -> list[str]:
    """The words, however a provider writes them."""
    return text(heard).lower().strip(".").split()


def counted(blocks: Sequence[Block]) -> str:
    """What the spare one hears in all of them."""
    return " ".join(f"{block[0]:.0f}" for block in blocks if block.any())


def interruptions(heard: Sequence[Heard]) -> list[str]:
    return [event.code for event in heard if isinstance(event, Interrupted)]


MISCHIEF: dict[str, tuple[dict[str, Any], str]] = {
    "the connection is reset in a sentence": ({"cut_after": 8}, "engine_network"),
    "it closes in a sentence": ({"close_after": 8}, "engine_network"),
    "it hangs in a sentence": ({"hang_after": 8}, "engine_timeout"),
    "it answers nonsense": ({"garbage_after": 8}, "engine_engine"),
    "it is overloaded": ({"status": 503}, "engine_busy"),
    "it has an inner error": ({"status": 500}, "engine_engine"),
    "it is asked too often": ({"status": 429, "headers": {"Retry-After": "1"}}, "engine_busy"),
}
"""What goes wrong once, and what is told of it."""


@pytest.mark.parametrize("what", MISCHIEF)
async def test_every_word_comes_once_although(what: str, provider: Provider) -> None:
    trouble, code = MISCHIEF[what]
    async with provider.running(Mischief(times=1, **trouble)) as (server, stt):
        heard = await live(Resuming(stt), provider.speech)
    assert said(heard) == list(provider.words)
    (told,) = [event for event in heard if isinstance(event, Interrupted)]
    assert told.code == code
    assert told.problem
    assert told.retry_in >= float(trouble.get("headers", {}).get("Retry-After", 0))
    assert server.connections == 2
    for final in finals(heard):
        assert 0 <= final.start < final.end <= len(provider.speech) * SECONDS + 0.1


async def test_a_slow_service_is_no_failure(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "HEARTBEAT", 2.0)
    async with provider.running(Mischief(times=1, slow=0.03)) as (_, stt):
        heard = await live(Resuming(stt), provider.speech)
    assert said(heard) == list(provider.words)
    assert interruptions(heard) == []


async def test_what_is_said_while_a_service_wakes_is_heard(provider: Provider) -> None:
    """Two minutes of it, and what is kept then, are in the unit lane, where time can jump."""
    async with provider.running(Mischief(times=1, cold=0.6)) as (_, stt):
        heard = await live(Resuming(stt), provider.speech)
    assert said(heard) == list(provider.words)
    assert interruptions(heard) == []


@pytest.mark.parametrize(("status", "kind"), [(401, "auth"), (402, "quota"), (404, "bad_request")])
async def test_what_cannot_be_helped_is_told_and_not_tried_again(
    status: int, kind: str, provider: Provider
) -> None:
    """Not even when it says when to come again: money does not come by waiting."""
    trouble = Mischief(times=9, status=status, headers={"Retry-After": "1"})
    async with provider.running(trouble) as (server, stt):
        with pytest.raises(EngineError) as refused:
            await live(Resuming(stt), provider.speech)
        assert refused.value.kind == kind
        assert server.connections == 1


ENDLESS: dict[str, dict[str, Any]] = {
    "it refuses the key": {"status": 401},
    "the account is empty": {"status": 402, "headers": {"Retry-After": "3600"}},
    "it is overloaded": {"status": 503, "headers": {"Retry-After": "60"}},
    "it breaks in every sentence": {"cut_after": 8},
    "it hangs in every sentence": {"hang_after": 8},
    "it never wakes": {"cold": 20},
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_another_takes_over_when(what: str, provider: Provider) -> None:
    """How soon is told by the unit lane, where time is nobody else's."""
    spare = FakeStt()
    async with provider.running(Mischief(times=99, **ENDLESS[what])) as (_, stt):
        made = {"first": stt, "spare": spare}
        chosen = choose(Policy.parse("first, spare"), Members(made.__getitem__))
        heard = await live(chosen, provider.speech)
    assert text(heard) == counted(provider.speech)


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name not in LATE])
async def test_another_takes_over_when_it_falls_mute(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pings are answered and audio is taken: only that no words come shows it."""
    monkeypatch.setattr(mute, "MUTE", 0.4)
    monkeypatch.setattr(fallback, "PATIENCE", 10.0)
    spare, speech = FakeStt(), [*SENTENCE] * 3
    async with PROVIDERS[name].running(Mischief(times=99, mute_after=8)) as (_, stt):
        made = {"first": stt, "spare": spare}
        chosen = choose(Policy.parse("first, spare"), Members(made.__getitem__))
        heard = await live(chosen, [*speech, *[silence()] * 6])
    assert text(heard) == counted(speech)
    assert interruptions(heard) == ["engine_timeout"]


@pytest.mark.parametrize("name", ["kyutai", "moshi", "openai"])
async def test_who_does_not_answer_when_an_utterance_is_over_is_asked_again(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other is needed for that, and no more speech."""
    monkeypatch.setattr(gpu, "ANSWERS", 1.0)
    monkeypatch.setattr(requests, "SILENT", 1.0)
    async with (
        PROVIDERS[name].running(Mischief(times=1, mute_after=8)) as (server, stt),
        Resuming(stt) as carried,
        carried.open(StreamOptions()) as stream,
    ):
        for block in SENTENCE:
            stream.push(block)
        stream.flush()
        async with asyncio.timeout(20):
            final = await anext(event async for event in stream if isinstance(event, Final))
    assert final.text.split() == NAMES
    assert server.connections == 2


async def test_a_service_that_is_not_there_is_replaced_at_once(provider: Provider) -> None:
    spare = FakeStt()
    made = {"first": provider.make("http://127.0.0.1:9/v1"), "spare": spare}
    chosen = choose(Policy.parse("first, spare"), Members(made.__getitem__))
    assert text(await live(chosen, provider.speech)) == counted(provider.speech)


async def test_an_address_that_is_none_says_so(provider: Provider) -> None:
    with pytest.raises(EngineError, match=r"is not an address|cannot connect"):
        await live(provider.make("http://exa mple:x/v1"), provider.speech)
