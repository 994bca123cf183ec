"""Several recognisers as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from tests.conformance.stt import SttConformance, finals, text
from tests.fakes.stt import FakeOptions, FakeStream, FakeStt
from tests.unit.transcriber.engines.stt.test_resume import live, numbers, said, speak, speech
from transcriber.audio.block import SECONDS, Block
from transcriber.engines.stt.base import Interrupted, Partial, SpeechStarted, StreamOptions, Stt
from transcriber.engines.stt.fallback import PATIENCE, Fallback, choose
from transcriber.engines.stt.health import LONGEST, State
from transcriber.engines.stt.members import Members
from transcriber.engines.stt.policy import Policy
from transcriber.errors import EngineError, Misconfigured

POLICY = Policy.parse("en,fr -> kyutai, else local, fallback openai")


class Engine(FakeStt):
    """A scripted engine with a name, that can be away for a while."""

    def __init__(self, name: str, options: FakeOptions | None = None) -> None:
        super().__init__(options)
        self.info = replace(FakeStt.info, name=name)
        self.away = False
        self.missing = ""
        self.loading = 0.0
        self.entered = 0

    def unusable(self) -> str:
        return self.missing

    async def __aenter__(self) -> Engine:
        await asyncio.sleep(self.loading)
        self.entered += 1
        return self

    async def __aexit__(self, *failure: object) -> None:
        self.entered -= 1

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[FakeStream]:
        self.failures += self.away
        async with super().open(options) as stream:
            yield stream


@dataclass
class Cast:
    """The engines of a test, and what was seen of them."""

    kyutai: Engine = field(default_factory=lambda: Engine("kyutai"))
    local: Engine = field(default_factory=lambda: Engine("local"))
    openai: Engine = field(default_factory=lambda: Engine("openai"))
    seen: list[State] = field(default_factory=list)

    def make(self, name: str) -> Stt:
        engine: Stt = getattr(self, name)
        return engine

    def choose(self, policy: Policy = POLICY) -> Stt:
        return choose(policy, Members(self.make, observe=self._observe))

    def _observe(self, state: State) -> None:
        """Note what is seen from the first trouble on."""
        if self.seen or not state.up:
            self.seen.append(state)

    @property
    def turns(self) -> list[tuple[str, bool]]:
        return [(state.engine, state.up) for state in self.seen]


class TestChosen(SttConformance):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        cast = Cast(kyutai=Engine("kyutai", FakeOptions(failures=10**6)))
        async with cast.choose() as stt:
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return speech(12)

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return [str(word) for word in range(1, 13)]


async def hear(cast: Cast, blocks: Sequence[Block], policy: Policy = POLICY) -> str:
    async with cast.choose(policy) as stt:
        return text(await live(stt, blocks))


async def test_the_engine_follows_from_the_language() -> None:
    cast = Cast()
    async with cast.choose() as stt:
        for language in ("en", "fr-CA", "de"):
            async with stt.open(StreamOptions(language)) as stream:
                await speak(stream, speech(1))
    assert [len(engine.opened) for engine in (cast.kyutai, cast.local, cast.openai)] == [2, 1, 0]


async def test_an_engine_that_does_not_know_the_language_is_passed_over() -> None:
    cast = Cast()
    cast.kyutai.info = replace(cast.kyutai.info, languages=("fr",))
    assert await hear(cast, speech(3)) == "1 2 3"
    assert not cast.kyutai.opened


async def test_a_language_that_nobody_knows_is_refused() -> None:
    with pytest.raises(EngineError, match="no recogniser hears en"):
        await hear(Cast(), speech(1), Policy.parse("de -> local"))


async def test_when_nobody_answers_another_takes_over_without_losing_a_word() -> None:
    cast = Cast(kyutai=Engine("kyutai", FakeOptions(failures=10**6)))
    assert await hear(cast, speech(30)) == numbers(1, 30)
    assert cast.openai.opened[0] < 0.01
    assert ("kyutai", False) in cast.turns


async def test_when_it_breaks_in_a_sentence_another_takes_over_within_two_seconds() -> None:
    cast = Cast()
    cast.kyutai.dies_after = 20

    def error(problem: str) -> EngineError:
        cast.kyutai.away = True
        return EngineError("network", problem)

    cast.kyutai.error = error  # type: ignore[method-assign]
    assert await hear(cast, speech(50)) == numbers(1, 50)
    assert cast.openai.opened[0] - 20 * SECONDS < 2


async def test_when_it_falls_mute_another_takes_over_within_two_seconds() -> None:
    cast = Cast(kyutai=Engine("kyutai", FakeOptions(mute_after=20)))
    async with cast.choose() as stt:
        heard = await live(stt, speech(80), partials=True)
    assert text(heard) == numbers(1, 80)
    assert [event.code for event in heard if isinstance(event, Interrupted)] == ["engine_timeout"]
    assert cast.openai.opened[0] - 20 * SECONDS < 2
    assert ("kyutai", False) in cast.turns


@pytest.mark.parametrize("change", [{"partials": False}, {"prompt": False}, {"network": False}])
async def test_who_shows_no_words_early_is_not_mute(change: dict[str, bool]) -> None:
    cast = Cast(kyutai=Engine("kyutai", FakeOptions(mute_after=20)))
    cast.kyutai.info = replace(cast.kyutai.info, **change)  # type: ignore[arg-type]
    async with cast.choose() as stt:
        await live(stt, speech(80), partials=True)
    assert not cast.openai.opened


async def test_a_noise_that_nobody_knows_words_in_costs_one_change_of_engines() -> None:
    cast = Cast()
    cast.kyutai.mute_after = cast.openai.mute_after = 0
    async with cast.choose() as stt:
        heard = await live(stt, speech(200), partials=True)
    assert [type(event) for event in heard if not isinstance(event, Partial)] == [
        SpeechStarted,
        Interrupted,
    ]
    assert not finals(heard)


async def test_who_is_slower_than_others_is_doubted_only_until_that_is_known() -> None:
    """A trial finds it well, and then it is given twice the time."""
    cast = Cast(kyutai=Engine("kyutai", FakeOptions(late=3.5)))
    sentence = [*range(1, 51), *[0] * 5]
    async with cast.choose() as stt:
        heard = await live(stt, said(*sentence * 6), partials=True)
    assert text(heard).split() == numbers(1, 50).split() * 6
    doubts = [event.at for event in heard if isinstance(event, Interrupted)]
    assert len(doubts) == 2
    assert cast.kyutai.heard[-1] > 100


async def test_a_cold_engine_is_not_waited_for_while_another_could() -> None:
    cast = Cast(kyutai=Engine("kyutai", FakeOptions(opening=100)))
    async with cast.choose() as stt:
        heard = await live(stt, speech(60))
    assert text(heard) == numbers(1, 60)
    assert cast.openai.opened == [pytest.approx(PATIENCE)]
    assert not any(isinstance(event, Interrupted) for event in heard)


async def test_but_it_is_waited_for_when_there_is_no_other() -> None:
    cast = Cast(kyutai=Engine("kyutai", FakeOptions(opening=25)))
    policy = Policy.parse("kyutai")
    assert await hear(cast, speech(400), policy) == numbers(1, 400)
    assert cast.seen == []


async def test_streams_return_after_a_sentence_once_the_engine_is_back() -> None:
    cast = Cast(kyutai=Engine("kyutai", FakeOptions(opening=5)))
    words = [word if word % 10 else 0 for word in range(1, 200)]
    heard = await hear(cast, said(*words))
    assert heard.split() == [str(word) for word in words if word]
    assert cast.turns[:3] == [("kyutai", False), ("kyutai", True), ("kyutai", False)]
    cast = Cast()
    cast.kyutai.failures = 1
    assert (await hear(cast, said(*words))).split() == [str(word) for word in words if word]
    assert cast.turns == [("kyutai", False), ("kyutai", True)]
    assert cast.kyutai.heard[-1] > 100


async def test_an_engine_with_a_wrong_key_is_replaced_and_says_so() -> None:
    cast = Cast(kyutai=Engine("kyutai", FakeOptions(dies_after=3, problem="auth")))
    async with cast.choose() as stt:
        heard = await live(stt, speech(10))
    assert text(heard) == numbers(1, 10)
    codes = [event.code for event in heard if isinstance(event, Interrupted)]
    assert codes == ["engine_auth"]
    assert cast.seen[0].code == "engine_auth"


async def test_who_asks_for_time_gets_it_while_another_works() -> None:
    cast = Cast()
    cast.kyutai.failures, cast.kyutai.problem, cast.kyutai.retry_after = 1, "busy", 40.0
    words = [word if word % 10 else 0 for word in range(1, 1_000)]
    assert (await hear(cast, said(*words))).split() == [str(word) for word in words if word]
    assert cast.openai.opened[0] < 0.01
    assert 40 <= cast.kyutai.opened[1] <= 48


async def test_when_all_are_down_the_first_that_is_back_is_taken() -> None:
    cast = Cast()
    cast.kyutai.failures, cast.openai.failures = 10**6, 2
    assert await hear(cast, speech(150)) == numbers(1, 150)
    assert cast.openai.opened[-1] < 10


async def test_when_none_can_ever_work_the_stream_ends() -> None:
    cast = Cast()
    for engine in (cast.kyutai, cast.openai):
        engine.failures, engine.problem = 10**6, "quota"
    with pytest.raises(EngineError, match="no engine") as failure:
        await hear(cast, speech(10))
    assert not failure.value.retryable
    with pytest.raises(EngineError, match="no engine"):
        await hear(cast, speech(10))


async def test_nobody_tries_what_nobody_wants() -> None:
    cast = Cast(kyutai=Engine("kyutai", FakeOptions(failures=10**6)))
    async with cast.choose() as stt:
        async with stt.open(StreamOptions()) as stream:
            await speak(stream, said(0))
        tried = len(cast.kyutai.opened)
        await asyncio.sleep(3_600)
        assert len(cast.kyutai.opened) == tried


async def test_trials_grow_rare_and_a_failed_one_is_a_failure() -> None:
    cast = Cast(kyutai=Engine("kyutai", FakeOptions(failures=10**6)))
    async with cast.choose() as stt, stt.open(StreamOptions()) as stream:
        await speak(stream, said(*[0] * 3_750))
    gaps = [b - a for a, b in zip(cast.kyutai.opened, cast.kyutai.opened[1:], strict=False)]
    assert gaps[0] < 3
    assert all(LONGEST <= gap <= 1.2 * LONGEST for gap in gaps[5:])
    assert cast.kyutai.opened[-1] > 200


async def test_a_trial_that_hangs_is_given_up() -> None:
    cast = Cast(kyutai=Engine("kyutai", FakeOptions(opening=10**6)))
    async with cast.choose() as stt, stt.open(StreamOptions()) as stream:
        await speak(stream, said(*[0] * 2_500))
    assert len(cast.kyutai.opened) == 3


async def test_an_engine_that_cannot_be_loaded_is_done_without() -> None:
    cast = Cast()
    cast.kyutai.missing = "no key"
    assert await hear(cast, speech(3)) == "1 2 3"
    assert cast.seen[0].code == "engine_unusable"


async def test_when_none_can_be_loaded_entering_says_why() -> None:
    cast = Cast()
    for engine in (cast.kyutai, cast.local, cast.openai):
        engine.missing = f"{engine.info.name} has no key"
    stt = cast.choose()
    assert stt.unusable() == (
        "kyutai: kyutai has no key; local: local has no key; openai: openai has no key"
    )
    with pytest.raises(EngineError, match="kyutai has no key"):
        await stt.__aenter__()


async def test_one_speaker_may_have_a_policy_of_their_own_whose_engines_are_loaded_then() -> None:
    cast = Cast()
    members = Members(cast.make)
    own = StreamOptions(engine="openai")
    async with choose(Policy.parse("kyutai"), members) as stt:
        assert cast.openai.entered == 0
        assert text(await live(stt, speech(3), own)) == "1 2 3"
        assert text(await live(stt, speech(3), own)) == "1 2 3"
        assert cast.openai.entered == cast.kyutai.entered == 1
        assert [state.engine for state in members.states] == ["kyutai", "openai"]
    assert cast.openai.entered == cast.kyutai.entered == 0
    assert not cast.kyutai.opened


async def test_two_who_want_the_same_engine_at_once_load_it_once() -> None:
    cast = Cast()
    own = StreamOptions(engine="openai")
    async with choose(Policy.parse("kyutai"), Members(cast.make)) as stt:
        heard = await asyncio.gather(*(live(stt, speech(3), own) for _ in range(2)))
        assert [text(one) for one in heard] == ["1 2 3", "1 2 3"]
        assert cast.openai.entered == 1


@pytest.mark.parametrize("wanted", ["->", "kaldi"])
async def test_a_policy_of_ones_own_that_makes_no_sense_is_refused(wanted: str) -> None:
    cast = Cast()

    def make(name: str) -> Stt:
        if name == "kaldi":
            raise Misconfigured("ASR_BACKEND", "there is no recogniser 'kaldi'")
        return cast.make(name)

    async with choose(POLICY, Members(make)) as stt:
        with pytest.raises(EngineError) as failure:
            await live(stt, speech(3), StreamOptions(engine=wanted))
        assert not failure.value.retryable
        assert text(await live(stt, speech(3))) == "1 2 3"


async def test_who_stops_waiting_for_an_engine_to_load_takes_nothing_along() -> None:
    cast = Cast()
    members = Members(cast.make)
    cast.openai.loading = 10
    async with choose(Policy.parse("kyutai"), members) as stt:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5), Fallback(members, Policy.parse("openai")):
                pass
        assert [state.engine for state in members.states] == ["kyutai"]
        assert text(await live(stt, speech(3), StreamOptions(engine="openai"))) == "1 2 3"
    assert cast.kyutai.entered == cast.openai.entered == 0


async def test_the_engine_that_is_asked_first_is_woken() -> None:
    cast = Cast()
    async with cast.choose() as stt:
        await stt.wake(StreamOptions("fr"))
        await stt.wake(StreamOptions("fr", engine="openai"))
        with pytest.raises(EngineError, match="no recogniser hears"):
            await stt.wake(StreamOptions("fr", engine="de -> local"))
    assert [len(one.woken) for one in (cast.kyutai, cast.local, cast.openai)] == [1, 0, 1]


async def test_words_of_an_engine_without_punctuation_are_marked_among_others() -> None:
    cast = Cast()
    cast.local.info = replace(cast.local.info, punctuation=False)
    async with cast.choose() as stt:
        assert stt.info.punctuation
        for language, bare in (("de", True), ("en", False)):
            (final,) = finals(await live(stt, speech(3), StreamOptions(language)))
            assert final.bare is bare


async def test_it_promises_what_all_its_engines_promise() -> None:
    cast = Cast()
    cast.local.info = replace(
        cast.local.info, languages=("en",), word_times="estimated", confidence=True
    )
    info = cast.choose().info
    assert info.name == "kyutai, local, openai"
    assert info.languages == ("*", "en")
    assert (info.word_times, info.confidence) == ("estimated", False)
    cast.local.info = replace(cast.local.info, word_times="none")
    assert cast.choose().info.word_times == "none"
    cast.local.info = replace(cast.local.info, sample_rate=16_000)
    assert cast.choose().info.sample_rate == 16_000
    assert cast.choose(Policy.parse("local")).info == cast.local.info
    with pytest.raises(Misconfigured):
        cast.choose(Policy())


async def test_preparing_prepares_all_that_can_be_used() -> None:
    cast, told = Cast(), list[str]()
    cast.kyutai.missing = "no key"
    assert cast.choose().unusable() == ""
    await cast.choose().prepare(lambda what, done: told.append(what))
    assert told == ["ready", "ready"]


async def test_finals_keep_their_times_across_engines() -> None:
    cast = Cast()
    cast.kyutai.dies_after = 4
    async with cast.choose() as stt:
        heard = await live(stt, said(0, 0, 1, 2, 3, 4, 0))
    (final,) = finals(heard)
    assert (final.start, final.end) == (2 * SECONDS, 6 * SECONDS)
