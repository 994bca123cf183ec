"""A stay in a call, from the first block to the last word."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from tests.fakes.call import FakeCall
from tests.fakes.stt import FakeOptions, FakeStt
from transcriber.audio.block import SAMPLES, SECONDS, Block
from transcriber.bus.memory import Bus
from transcriber.call import Listener, Person
from transcriber.engines.stt.base import StreamOptions
from transcriber.engines.stt.resume import Resuming
from transcriber.errors import BadInput, EngineError
from transcriber.events import (
    CallTerminated,
    DtmfReceived,
    ErrorHappened,
    Event,
    SpeechFinal,
    SpeechPartial,
    SpeechStarted,
    TurnEnded,
)
from transcriber.session.session import Session


def block(value: float) -> Block:
    return np.full(SAMPLES, value, np.float32)


def everything(bus: Bus) -> list[Event]:
    events: list[Event] = []
    bus.subscribe(Event, events.append)
    return events


def finals(events: list[Event]) -> list[str]:
    return [event.data.transcript for event in events if isinstance(event, SpeechFinal)]


ANN = Person("p1", "Ann")


async def talk(listener: Listener, *, words: int, person: Person = ANN) -> None:
    listener.joined(person)
    for word in range(1, words + 1):
        listener.heard(person.id, block(word))
        await asyncio.sleep(SECONDS)


async def listen(
    *, words: int, stt: FakeStt | None = None, then: Exception | None = None
) -> list[Event]:
    bus = Bus()
    events = everything(bus)

    async def script(listener: Listener) -> None:
        await talk(listener, words=words)
        if then:
            raise then

    await Session(FakeCall(script), stt=stt or FakeStt(), bus=bus).run()
    return events


async def test_words_become_events() -> None:
    stt = FakeStt()
    events = await listen(words=3, stt=stt)
    assert [event.type for event in events] == [
        "call.started", "person.joined", "speech.started", "speech.partial", "speech.partial",
        "speech.partial", "speech.final", "call.terminated",
    ]  # fmt: skip
    final = events[-2]
    assert isinstance(final, SpeechFinal)
    assert final.data.model_dump(include={"room", "person_name", "transcript", "end_ms"}) == {
        "room": "abc", "person_name": "Ann", "transcript": "1 2 3", "end_ms": 240,
    }  # fmt: skip
    assert stt.open_streams == 0


async def test_whoever_begins_to_speak_is_named_before_their_words() -> None:
    (began,) = [event for event in await listen(words=3) if isinstance(event, SpeechStarted)]
    assert began.data.model_dump() == {
        "room": "abc", "person_id": "p1", "person_name": "Ann", "at_ms": 0,
    }  # fmt: skip


async def test_whoever_has_finished_is_named_where_the_recogniser_knows() -> None:
    stt = FakeStt(FakeOptions(turns=True))
    (over,) = [event for event in await listen(words=3, stt=stt) if isinstance(event, TurnEnded)]
    assert over.data.model_dump() == {
        "room": "abc", "person_id": "p1", "person_name": "Ann", "at_ms": 240, "probability": 0.9,
    }  # fmt: skip


async def test_keys_are_told_and_nothing_else_is_one() -> None:
    bus = Bus()
    events = everything(bus)

    async def script(listener: Listener) -> None:
        listener.joined(ANN)
        for digit in ("1", "#", "12", "x", ""):
            listener.pressed(ANN.id, digit)

    await Session(FakeCall(script), stt=FakeStt(), bus=bus).run()
    keys = [event.data for event in events if isinstance(event, DtmfReceived)]
    assert [(key.person_id, key.key, key.digit) for key in keys] == [
        ("p1", "1", 49),
        ("p1", "#", 35),
    ]


async def test_one_can_listen_in_another_way_from_now_on() -> None:
    bus, stt = Bus(), FakeStt()
    events = everything(bus)

    async def script(listener: Listener) -> None:
        listener.joined(replace(ANN, language="fr"))
        await asyncio.sleep(0.1)
        listener.heard(ANN.id, block(1))
        await asyncio.sleep(0.1)
        session.listen(language="de", engine="kyutai", vocabulary=("Ann",))
        await asyncio.sleep(0.1)
        listener.heard(ANN.id, block(2))
        await asyncio.sleep(0.1)
        session.listen()
        await asyncio.sleep(0.1)

    session = Session(FakeCall(script), stt=stt, bus=bus)
    await session.run()
    assert finals(events) == ["1", "2"]
    assert [(one.language, one.engine, one.vocabulary) for one in stt.options] == [
        ("fr", "", ()), ("de", "kyutai", ("Ann",)), ("fr", "", ()),
    ]  # fmt: skip
    assert sum(event.type == "person.joined" for event in events) == 1


async def test_another_engine_hears_the_next_words_unless_a_conversation_wants_its_own() -> None:
    stt = FakeStt()

    async def script(listener: Listener) -> None:
        listener.joined(ANN)
        await asyncio.sleep(0.1)
        session.speak("en", engine="openai", model="whisper-1")
        await asyncio.sleep(0.1)
        session.listen(engine="kyutai")
        await asyncio.sleep(0.1)
        session.speak("en", engine="deepgram", model="whisper-1")
        await asyncio.sleep(0.1)

    session = Session(FakeCall(script), stt=stt, bus=Bus())
    await session.run()
    assert [(one.engine, one.model) for one in stt.options] == [
        ("", ""), ("openai", "whisper-1"), ("kyutai", "whisper-1"),
    ]  # fmt: skip


async def test_events_of_a_session_share_its_id() -> None:
    events = await listen(words=3)
    assert len({event.session_id for event in events}) == 1
    assert len({event.id for event in events}) == len(events)


async def test_the_end_says_how_long_it_took() -> None:
    over = (await listen(words=25))[-1]
    assert isinstance(over, CallTerminated)
    assert (over.data.reason, over.data.duration_ms) == ("ended", 2000)


async def test_words_spoken_while_the_engine_starts_are_not_lost() -> None:
    events = await listen(words=20, stt=FakeStt(FakeOptions(failures=1)))
    (text,) = finals(events)
    assert text.split()[-1] == "20"


async def test_an_engine_that_dies_is_replaced_and_the_clock_goes_on() -> None:
    events = await listen(words=60, stt=FakeStt(FakeOptions(dies_after=3)))
    (final,) = [event for event in events if isinstance(event, SpeechFinal)]
    assert final.data.transcript.split()[-1] == "60"
    assert final.data.end_ms == 60 * 80
    assert [event.data.code for event in events if isinstance(event, ErrorHappened)] == [
        "engine_network"
    ]


async def test_an_engine_that_cannot_be_helped_is_not_tried_again() -> None:
    events = await listen(words=60, stt=FakeStt(FakeOptions(failures=9, problem="auth")))
    errors = [event for event in events if isinstance(event, ErrorHappened)]
    assert [error.data.code for error in errors] == ["engine_auth"]


async def test_a_session_ends_although_its_engine_never_came() -> None:
    assert finals(await listen(words=3, stt=FakeStt(FakeOptions(failures=10_000)))) == []


async def test_the_last_words_are_kept_when_the_call_breaks() -> None:
    bus = Bus()
    events = everything(bus)

    async def script(listener: Listener) -> None:
        await talk(listener, words=3)
        raise BadInput("cut off")

    with pytest.raises(BadInput):
        await Session(FakeCall(script), stt=FakeStt(), bus=bus).run()
    assert finals(events) == ["1 2 3"]
    assert isinstance(events[-1], CallTerminated)
    assert events[-1].data.reason == "failed"


async def test_whoever_joins_later_has_later_times() -> None:
    bus = Bus()
    events = everything(bus)

    async def script(listener: Listener) -> None:
        await talk(listener, words=25)
        await talk(listener, words=1, person=Person("p2"))

    await Session(FakeCall(script), stt=FakeStt(), bus=bus).run()
    late = [event for event in events if isinstance(event, SpeechFinal)][-1]
    assert (late.data.person_id, late.data.start_ms) == ("p2", 2000)


async def test_joining_twice_leaves_one_speaker() -> None:
    stt, open_streams = FakeStt(), []

    async def script(listener: Listener) -> None:
        for _ in range(2):
            listener.joined(Person("p1"))
            await asyncio.sleep(1)
        open_streams.append(stt.open_streams)

    await Session(FakeCall(script), stt=stt, bus=Bus()).run()
    assert open_streams == [1]


async def test_a_source_that_can_wait_loses_nothing() -> None:
    bus = Bus()
    events = everything(bus)

    async def script(listener: Listener) -> None:
        listener.joined(Person("p1"))
        for word in range(1, 1001):
            await listener.ready()
            listener.heard("p1", block(word % 10))

    await Session(FakeCall(script), stt=FakeStt(), bus=bus).run()
    assert " ".join(finals(events)).split() == [
        str(word % 10) for word in range(1, 1001) if word % 10
    ]


async def test_a_broken_subscriber_disturbs_nobody() -> None:
    bus = Bus()
    bus.subscribe(SpeechPartial, lambda event: 1 / 0)
    events = everything(bus)
    await Session(FakeCall(lambda hear: talk(hear, words=1)), stt=FakeStt(), bus=bus).run()
    assert finals(events) == ["1"]


async def test_keys_and_strangers_are_taken_without_complaint() -> None:
    async def script(listener: Listener) -> None:
        listener.pressed("p1", "5")
        listener.heard("stranger", block(1))
        listener.left("stranger")

    await Session(FakeCall(script), stt=FakeStt(), bus=Bus()).run()


async def test_cancelling_a_session_leaves_nothing() -> None:
    stt, bus = FakeStt(), Bus()
    events = everything(bus)

    async def forever(listener: Listener) -> None:
        listener.joined(Person("p1"))
        await asyncio.sleep(1e9)

    task = asyncio.create_task(Session(FakeCall(forever), stt=stt, bus=bus).run())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stt.open_streams == 0
    assert isinstance(events[-1], CallTerminated)
    assert events[-1].data.reason == "cancelled"


async def test_five_hundred_speakers_for_a_minute() -> None:
    bus = Bus()
    heard: list[SpeechFinal] = []
    bus.subscribe(SpeechFinal, heard.append)

    async def crowd(listener: Listener) -> None:
        for number in range(500):
            listener.joined(Person(f"p{number}"))
            listener.heard(f"p{number}", block(1))
        await asyncio.sleep(60)

    await Session(FakeCall(crowd), stt=FakeStt(FakeOptions()), bus=bus).run()
    assert len(heard) == 500


async def test_another_language_is_expected_from_the_next_words_on() -> None:
    bus = Bus()
    events = everything(bus)

    async def script(listener: Listener) -> None:
        await talk(listener, words=2)
        for language in ("fr", "fr"):
            session.speak(language)
            listener.heard(ANN.id, block(3))
            await asyncio.sleep(SECONDS)

    session = Session(FakeCall(script), stt=FakeStt(), bus=bus)
    await session.run()
    said = [event.data for event in events if isinstance(event, SpeechFinal)]
    assert [(one.transcript, one.language) for one in said] == [("1 2", "en"), ("3 3", "fr")]
    assert said[1].start_ms == 160


async def test_the_recogniser_is_woken_when_the_call_begins() -> None:
    stt = FakeStt()
    await listen(words=1, stt=stt)
    assert [options.language for options in stt.woken] == ["en"]


async def test_a_recogniser_that_cannot_be_woken_does_not_end_the_call() -> None:
    class Deaf(FakeStt):
        async def wake(self, options: StreamOptions) -> None:
            raise EngineError("network", "nobody there")

    assert finals(await listen(words=2, stt=Deaf())) == ["1 2"]


async def test_a_call_does_not_wait_for_a_recogniser_that_wakes_slowly() -> None:
    class Sleepy(FakeStt):
        async def wake(self, options: StreamOptions) -> None:
            await asyncio.sleep(120)

    began = asyncio.get_running_loop().time()
    await listen(words=2, stt=Sleepy())
    assert asyncio.get_running_loop().time() - began < 1


async def test_somebody_whose_words_come_late_is_reported_and_why() -> None:
    stt = FakeStt(FakeOptions(dies_after=2))
    bus = Bus()
    events = everything(bus)
    call = FakeCall(lambda listener: talk(listener, words=4))
    await Session(call, stt=Resuming(stt), bus=bus).run()
    assert finals(events) == ["1 2 3 4"]
    (failure,) = [event.data for event in events if isinstance(event, ErrorHappened)]
    assert (failure.person_id, failure.code) == ("p1", "engine_network")


async def test_somebody_who_speaks_another_language_is_heard_in_it() -> None:
    bus = Bus()
    events = everything(bus)
    fritz = Person("p2", "Fritz", language="de")
    call = FakeCall(lambda listener: talk(listener, words=1, person=fritz))
    await Session(call, stt=FakeStt(), bus=bus).run()
    (final,) = [event.data for event in events if isinstance(event, SpeechFinal)]
    assert final.language == "de"
