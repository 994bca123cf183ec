"""One conversation when what it stands on fails."""

import asyncio
from collections.abc import Mapping

from dialogs.errors import HookFailed, PortFailed, VoiceFailed
from dialogs.machine import Event, Machine
from dialogs.ports import Listening
from dialogs.schema import parse
from dialogs.stage import Stage
from tests.unit.dialogs.samples import FRONT_DESK, HOOK
from tests.unit.dialogs.talking import states, talking

TALK = "{type: play_tts, params: {text: one two three four five six}}"


async def test_a_killed_dialog_goes_on_where_it_was() -> None:
    stage = Stage()
    async with talking(FRONT_DESK, stage) as talk:
        await talk.press("1")
        await asyncio.sleep(0.1)
        kept = dict(stage.kept["s1"])
        talk.running.cancel()
        await asyncio.wait([talk.running])
    assert "s1" in stage.kept
    assert kept["state"] == "booking"
    machine = Machine.restore(parse(FRONT_DESK), "s1", kept)
    async with talking(FRONT_DESK, stage, machine=machine) as talk:
        assert await talk.running == "hangup"
        assert talk.machine.variables["department"] == "bookings"
        assert stage.said[-1] == "One moment."
    assert stage.kept == {}


async def test_a_killed_dialog_listens_as_it_did() -> None:
    listen = "{type: listen, params: {hints: [Ann], barge_in: false, end_of_turn: meaning}}"
    flow = states(
        f"  a: {{on_enter: [{listen}], transitions: [{{event: dtmf, target: b}}]}}\n"
        f"  b: {{on_enter: [{TALK}]}}\n"
    )
    stage = Stage()
    async with talking(flow, stage) as talk:
        await talk.press("1")
        await talk.runner.settled()
        talk.running.cancel()
        await asyncio.wait([talk.running])
    machine = Machine.restore(parse(flow), "s1", stage.kept["s1"])
    async with talking(flow, stage, machine=machine) as talk:
        assert stage.listening[-1] == Listening(hints=("Ann",), end_of_turn="meaning")
        assert len(stage.listening) == 2
        await talk.say("stop")
        assert talk.seen("tts.interrupted") == []


async def test_a_store_that_is_away_does_not_end_a_call() -> None:
    class Away(Stage):
        tries = 0

        async def save(self, session_id: str, snapshot: Mapping[str, object]) -> None:
            self.tries += 1
            if self.tries < 4:
                raise PortFailed("away")
            await super().save(session_id, snapshot)

        async def forget(self, session_id: str) -> None:
            raise PortFailed("away")

    stage = Away()
    async with talking(
        states("  a: {timeout: 60s, timeout_next: b}\n  b: {terminal: true}\n"), stage
    ) as talk:
        await asyncio.sleep(30)
        assert stage.kept["s1"]["state"] == "a"
        assert await talk.running == "finished"


async def test_what_one_event_leads_to_is_kept_at_once() -> None:
    class Counting(Stage):
        saves = 0

        async def save(self, session_id: str, snapshot: Mapping[str, object]) -> None:
            self.saves += 1
            await super().save(session_id, snapshot)

    actions = ", ".join(f"{{type: set_variable, params: {{v{n}: x}}}}" for n in range(3))
    flow = states(
        f"  a: {{transitions: [{{event: dtmf, target: b, actions: [{actions}]}}]}}\n"
        "  b: {on_enter: [{type: say_caption, params: {text: x}}]}\n"
    )
    stage = Counting()
    async with talking(flow, stage) as talk:
        await talk.runner.settled()
        await talk.press("1")
        await asyncio.sleep(1)
        assert stage.saves == 2
        assert stage.kept["s1"]["variables"] == {"v0": "x", "v1": "x", "v2": "x"}


async def test_what_happened_is_kept_when_it_is_settled_and_when_it_is_cut_short() -> None:
    class Slow(Stage):
        async def save(self, session_id: str, snapshot: Mapping[str, object]) -> None:
            await asyncio.sleep(0.5)
            await super().save(session_id, snapshot)

    flow = states(
        "  a: {transitions: [{event: dtmf, target: b}]}\n"
        "  b: {transitions: [{event: dtmf, target: a}]}\n"
    )
    stage = Slow()
    async with talking(flow, stage) as talk:
        talk.runner.post(Event("dtmf", {"digit": "1"}))
        await talk.runner.settled()
        states_kept = [str(stage.kept["s1"]["state"])]
        talk.runner.post(Event("dtmf", {"digit": "1"}))
        await asyncio.sleep(0.1)
        talk.running.cancel()
        await asyncio.wait([talk.running])
        states_kept.append(str(stage.kept["s1"]["state"]))
    assert states_kept == ["b", "a"]


async def test_a_voice_that_breaks_off_is_a_failure_and_the_next_thing_is_said() -> None:
    class Breaking:
        async def finished(self) -> None:
            await asyncio.sleep(0.5)
            raise VoiceFailed("gone")

        def stop(self) -> str:
            return ""

    class Hoarse(Stage):
        def say(self, text: str, style: object) -> object:  # type: ignore[override]
            self.said.append(text)
            return Breaking() if len(self.said) == 1 else super().say(text, style)  # type: ignore[arg-type]

    flow = states(
        f"  a: {{on_enter: [{TALK}, {TALK}],"
        f" transitions: [{{event: tts_complete, target: b}}]}}\n  b:\n"
    )
    async with talking(flow, Hoarse()) as talk:
        await asyncio.sleep(5)
        assert talk.machine.state == "b"
        assert len(talk.seen("tts.completed")) == 1


async def test_a_host_that_is_broken_ends_the_conversation() -> None:
    class Wrong(Stage):
        async def caption(self, text: str) -> None:
            raise ZeroDivisionError

    flow = states("  a: {on_enter: [{type: say_caption, params: {text: x}}]}\n")
    async with talking(flow, Wrong()) as talk:
        await asyncio.wait([talk.running])
        assert isinstance(talk.running.exception(), ExceptionGroup)


async def test_a_hook_that_is_refused_is_a_hook_error() -> None:
    class Guarded(Stage):
        async def send(self, request: object) -> object:  # type: ignore[override]
            raise HookFailed("a private address", retryable=False)

    flow = states(
        f"  a: {{on_enter: [{HOOK}], transitions: [{{event: hook_error, target: b}}]}}\n"
        "  b: {on_enter: [{type: say_caption, params: {text: '{{ event.error }}'}}]}\n"
    )
    async with talking(flow, Guarded()) as talk:
        await asyncio.sleep(0.1)
        assert talk.stage.captions == ["a private address"]
