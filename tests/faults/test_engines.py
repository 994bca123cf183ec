"""
What engines and those who wrap them do when a provider fails: nothing unfinished is lost, nothing
is said twice, and the reason is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conformance.stt import finals, text
from tests.fakes.stt import FakeStt
from tests.peers.engines import deepgram, ibm, kyutai, openai, vosk
from tests.peers.engines.ear import NAMES, SENTENCE
from tests.peers.engines.server import Mischief, Server
from transcriber import aio, engines
from transcriber.audio.block import SECONDS, Block, silence
from transcriber.engines.stt import mute, resume, wire
from transcriber.engines.stt.base import Heard, Interrupted, StreamOptions, Stt, SttStream
from transcriber.engines.stt.fallback import choose
from transcriber.engines.stt.members import Members
from transcriber.engines.stt.policy import Policy
from transcriber.engines.stt.resume import Resuming
from transcriber.errors import EngineError

SPED_UP = 4
"""How much faster than life people speak here."""
SPEECH: Sequence[Block] = [*SENTENCE, *[silence()] * 6]


@dataclass(frozen=True)
class Provider:
    """An engine and a made-up service for it."""

    engine: str
    serve: Callable[[Mischief], AbstractAsyncContextManager[Server]]
    settings: Callable[[str], dict[str, str]]

    @asynccontextmanager
    async def running(self, mischief: Mischief) -> AsyncIterator[tuple[Server, Stt]]:
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


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Provider:
    return PROVIDERS[request.param]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEARTBEAT", 0.5)
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


@pytest.mark.parametrize("what", MISCHIEF)
async def test_every_word_comes_once_although(what: str, provider: Provider) -> None:
    trouble, code = MISCHIEF[what]
    async with provider.running(Mischief(times=1, **trouble)) as (server, stt):
        heard = await live(Resuming(stt))
    assert text(heard).lower().strip(".").split() == NAMES
    assert interruptions(heard) == [code]
    assert server.connections == 2
    for final in finals(heard):
        assert 0 <= final.start < final.end <= len(SPEECH) * SECONDS + 0.1


async def test_a_slow_service_is_no_failure(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "HEARTBEAT", 2.0)
    async with provider.running(Mischief(times=1, slow=0.05)) as (_, stt):
        heard = await live(Resuming(stt))
    assert text(heard).lower().strip(".").split() == NAMES
    assert interruptions(heard) == []


async def test_what_is_said_while_a_service_wakes_is_heard(provider: Provider) -> None:
    async with provider.running(Mischief(times=1, cold=1.0)) as (_, stt):
        heard = await live(Resuming(stt))
    assert text(heard).lower().strip(".").split() == NAMES
    assert interruptions(heard) == []


async def test_a_time_to_wait_is_kept(provider: Provider) -> None:
    trouble = Mischief(times=1, status=429, headers={"Retry-After": "1"})
    async with provider.running(trouble) as (_, stt):
        began = asyncio.get_running_loop().time()
        await live(Resuming(stt))
        assert asyncio.get_running_loop().time() - began >= 1


@pytest.mark.parametrize(("status", "kind"), [(401, "auth"), (402, "quota"), (404, "bad_request")])
async def test_what_cannot_be_helped_is_told_and_not_tried_again(
    status: int, kind: str, provider: Provider
) -> None:
    async with provider.running(Mischief(times=9, status=status)) as (server, stt):
        with pytest.raises(EngineError) as refused:
            await live(Resuming(stt))
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
async def test_another_takes_over_within_two_seconds_when(what: str, provider: Provider) -> None:
    """Two seconds from the failure; to notice a hang takes up to one and a half pings more."""
    spare = FakeStt()
    async with provider.running(Mischief(times=99, **ENDLESS[what])) as (_, stt):
        made = {"first": stt, "spare": spare}
        chosen = choose(Policy.parse("first, spare"), Members(made.__getitem__))
        began = asyncio.get_running_loop().time()
        heard = await live(chosen)
    assert spare.opened[0] - began < 8 * SECONDS / SPED_UP + 2
    assert text(heard) == " ".join(f"{block[0]:.0f}" for block in SENTENCE)


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name != "openai"])
async def test_another_takes_over_when_it_falls_mute(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pings are answered and audio is taken: only that no words come shows it."""
    monkeypatch.setattr(mute, "MUTE", 0.4)
    spare, said = FakeStt(), [*SENTENCE] * 3
    async with PROVIDERS[name].running(Mischief(times=99, mute_after=8)) as (_, stt):
        made = {"first": stt, "spare": spare}
        chosen = choose(Policy.parse("first, spare"), Members(made.__getitem__))
        heard = await live(chosen, [*said, *[silence()] * 6])
    assert text(heard) == " ".join(f"{block[0]:.0f}" for block in said)
    assert interruptions(heard) == ["engine_timeout"]


async def test_a_service_that_is_not_there_is_replaced_at_once(provider: Provider) -> None:
    spare = FakeStt()
    made = {"first": provider.make("http://127.0.0.1:9/v1"), "spare": spare}
    heard = await live(choose(Policy.parse("first, spare"), Members(made.__getitem__)))
    assert len(text(heard).split()) == 12


async def test_an_address_that_is_none_says_so(provider: Provider) -> None:
    with pytest.raises(EngineError, match=r"is not an address|cannot connect"):
        await live(provider.make("http://exa mple:x/v1"))
