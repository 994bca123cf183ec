"""Conversations: in calls and in writing, reached from outside, gone on with after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from dialogs import Event, UnknownFlow
from dialogs.errors import Busy, Ended, UnknownState
from tests.unit.transcriber.session.talks import ANN, DESK, Service, Shelf
from transcriber.audio.block import SAMPLES
from transcriber.errors import Overloaded
from transcriber.events import Finish, TurnEnded
from transcriber.session.accounts import UnknownConversation
from transcriber.session.host import Order
from transcriber.session.writing import IDLE
from transcriber.store import Conflict

HERE = Order("desk", place="talk", room="r")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "desk.yaml").write_text(DESK)
    return tmp_path


@pytest.fixture
def service(folder: Path) -> Service:
    return Service(folder, Shelf())


def said(text: str) -> Event:
    return Event("speech", {"text": text})


# In calls.


async def test_it_waits_for_somebody_and_then_speaks(service: Service) -> None:
    async with service.running():
        account, _ = await service.conversations.start(HERE)
        await asyncio.sleep(1)
        assert service.calls.rooms == ["r"]
        assert not service.said
        service.place.ears.joined(ANN)
        await asyncio.sleep(1)
        assert service.said[0] == "Good day."
        assert service.place.mouth.packets
        assert (await service.conversations.get(account.id)).snapshot["state"] == "ask"


async def test_whoever_begins_to_speak_silences_it_within_a_packet(service: Service) -> None:
    async with service.running():
        await service.conversations.start(HERE)
        await asyncio.sleep(0.1)
        service.place.ears.joined(ANN)
        await asyncio.sleep(1)
        sent = len(service.place.mouth.packets)
        service.place.ears.heard(ANN.id, np.full(SAMPLES, 7, np.float32))
        await asyncio.sleep(0.5)
        assert len(service.place.mouth.packets) <= sent + 2
        (cut,) = service.told("tts.interrupted")
        assert cut["spoken"] == "Good"


async def test_words_and_keys_move_it_and_everything_is_told(service: Service) -> None:
    async with service.running():
        account, _ = await service.conversations.start(HERE)
        await asyncio.sleep(0.1)
        service.place.ears.joined(ANN)
        await asyncio.sleep(0.1)
        service.hear("Bob")
        await asyncio.sleep(5)
        service.hear("that is all")
        await asyncio.sleep(5)
        assert service.calls.rooms == []
    assert service.said == ["Good day.", "Thank you, Bob.", "Bye."]
    assert [moved["to_state"] for moved in service.told("state.transition")] == [
        "ask", "got", "bye",
    ]  # fmt: skip
    assert [done["action_type"] for done in service.told("action.executed")] == [
        "play_tts", "set_variable", "play_tts", "play_tts", "hangup",
    ]  # fmt: skip
    (over,) = service.told("dialog.ended")
    assert (over["reason"], over["state"], over["room"]) == ("hangup", "bye", "r")
    own = [event for event in service.events if event.type.startswith(("tts.", "dialog."))]
    assert {event.metadata["dialog_id"] for event in own} == {account.id}
    assert len({event.session_id for event in own}) == 1
    assert (await service.conversations.get(account.id)).outcome == "hangup"


async def test_a_key_is_an_event_of_the_flow(service: Service) -> None:
    async with service.running():
        await service.conversations.start(HERE)
        await asyncio.sleep(0.1)
        service.place.ears.joined(ANN)
        service.place.ears.pressed(ANN.id, "0")
        await asyncio.sleep(0.1)
        service.place.ears.pressed(ANN.id, "0")
        await asyncio.sleep(5)
        assert service.calls.rooms == []


async def test_what_is_said_in_one_turn_is_one_event(folder: Path) -> None:
    listen = "{type: listen, params: {end_of_turn: meaning}}"
    (folder / "desk.yaml").write_text(DESK.replace("on_enter: [", f"on_enter: [{listen}, ", 1))
    service = Service(folder, Shelf())
    service.by_meaning = True
    over = TurnEnded(session_id="", data=Finish(room="r", person_id="p1", at_ms=0))
    async with service.running():
        await service.conversations.start(HERE)
        await asyncio.sleep(0.1)
        service.place.ears.joined(ANN)
        await asyncio.sleep(0.1)
        service.hear("I am")
        await asyncio.sleep(1)
        service.hear("Bob")
        service.bus.publish(over.model_copy(update={"session_id": service.stay}))
        await asyncio.sleep(3)
        assert service.said[-1] == "Thank you, I am Bob."


async def test_what_clocks_and_programs_bring_is_told_too(folder: Path) -> None:
    (folder / "desk.yaml").write_text(DESK.replace("  ask:\n", "  ask:\n    timeout: 20s\n"))
    service = Service(folder, Shelf())
    async with service.running():
        account, _ = await service.conversations.start(Order("desk"))
        await asyncio.sleep(21)
        await service.conversations.send(account.id, Event("custom.leave", {"why": "late"}))
        happened = service.told("dialog.happened")
        assert happened == [
            {"room": "", "event": "timeout", "params": {}},
            {"room": "", "event": "custom.leave", "params": {"why": "late"}},
        ]


async def test_it_leaves_a_call_that_others_read_without_ending_it(service: Service) -> None:
    async with service.running():
        await service.rooms.read("r", "bob")
        await asyncio.sleep(0.1)
        await service.conversations.start(HERE)
        await asyncio.sleep(0.1)
        service.place.ears.joined(ANN)
        await asyncio.sleep(0.1)
        service.hear("bye")
        await asyncio.sleep(60)
        assert service.told("dialog.ended")
        assert service.calls.rooms == ["r"]
        assert len(service.calls.made) == 1


async def test_a_call_that_ends_ends_it(service: Service) -> None:
    async with service.running():
        account, _ = await service.conversations.start(HERE)
        await asyncio.sleep(0.1)
        service.place.ears.joined(ANN)
        await asyncio.sleep(0.1)
        service.place.over.set()
        await asyncio.sleep(5)
        (over,) = service.told("dialog.ended")
        assert over["reason"] == "closed"
        assert (await service.conversations.get(account.id)).outcome == "closed"
        with pytest.raises(Ended):
            await service.conversations.send(account.id, said("hello"))


async def test_a_call_that_breaks_is_entered_again_and_it_goes_on(folder: Path) -> None:
    service = Service(folder, Shelf())
    async with service.running():
        account, _ = await service.conversations.start(HERE)
        await asyncio.sleep(0.1)
        service.place.ears.joined(ANN)
        await asyncio.sleep(0.1)
        service.hear("Bob")
        await asyncio.sleep(3)
        service.place.breaks(RuntimeError("the network"))
        await asyncio.sleep(5)
        assert len(service.calls.made) == 2
        service.place.ears.joined(ANN)
        await asyncio.sleep(1)
        assert service.said[-1] == "Thank you, Bob."
        assert not service.told("dialog.ended")
        assert (await service.conversations.get(account.id)).outcome == ""


async def test_a_room_holds_one_at_a_time(service: Service) -> None:
    async with service.running():
        await service.conversations.start(HERE)
        with pytest.raises(Conflict, match="already"):
            await service.conversations.start(HERE)


async def test_nothing_is_left_of_one_whose_call_is_refused(service: Service) -> None:
    async with service.running():
        service.rooms._most = 0
        with pytest.raises(Overloaded):
            await service.conversations.start(HERE)
        assert await service.conversations.page() == []


async def test_the_store_may_be_away_while_it_goes_on(folder: Path) -> None:
    store = Shelf()
    service = Service(folder, store)
    async with service.running():
        account, _ = await service.conversations.start(HERE)
        await asyncio.sleep(0.1)
        store.away = True
        service.place.ears.joined(ANN)
        await asyncio.sleep(0.1)
        service.hear("Bob")
        await asyncio.sleep(1)
        assert service.said[-1] == "Thank you, Bob."
        service.hear("that is all")
        await asyncio.sleep(2)
        store.away = False
        await asyncio.sleep(60)
        assert (await service.conversations.get(account.id)).outcome == "hangup"
        assert service.calls.rooms == []


# After a restart.


async def test_a_restart_goes_on_in_the_same_state_with_the_same_variables(folder: Path) -> None:
    store = Shelf()
    first = Service(folder, store)
    async with first.until_killed():
        account, _ = await first.conversations.start(HERE)
        await asyncio.sleep(0.1)
        first.place.ears.joined(ANN)
        await asyncio.sleep(0.1)
        first.hear("Bob")
        await asyncio.sleep(1)
    second = Service(folder, store)
    async with second.running():
        kept = await second.conversations.get(account.id)
        assert (kept.snapshot["state"], kept.snapshot["variables"]["who"]) == ("got", "Bob")
        with pytest.raises(Busy):
            await second.conversations.send(account.id, said("hello"))
        await asyncio.sleep(5)
        assert second.calls.rooms == ["r"]
        assert not second.said
        second.place.ears.joined(ANN)
        await asyncio.sleep(2)
        assert second.said == ["Thank you, Bob."]
        second.hear("that is all")
        await asyncio.sleep(5)
        assert second.said[-1] == "Bye."
        assert len((await second.conversations.get(account.id)).snapshot["history"]) == 2


async def test_one_that_had_not_begun_begins_after_the_restart(folder: Path) -> None:
    store = Shelf()
    first = Service(folder, store)
    async with first.until_killed():
        order = Order("desk", place="talk", room="r", state="got", variables={"who": "Eve"})
        await first.conversations.start(order)
    second = Service(folder, store)
    async with second.running():
        second.place.ears.joined(ANN)
        await asyncio.sleep(1)
        assert second.said == ["Thank you, Eve."]


async def test_a_flow_that_is_gone_ends_it(folder: Path) -> None:
    store = Shelf()
    first = Service(folder, store)
    async with first.until_killed():
        account, _ = await first.conversations.start(HERE)
    (folder / "desk.yaml").unlink()
    second = Service(folder, store)
    async with second.running():
        await asyncio.sleep(5)
        assert (await second.conversations.get(account.id)).outcome == "failed"
        assert second.calls.rooms == []


async def test_a_call_whose_conversation_is_forgotten_is_left(service: Service) -> None:
    async with service.running():
        await service.rooms.talk("r", "dlg_unknown")
        await asyncio.sleep(5)
        assert service.calls.rooms == []


async def test_one_in_writing_goes_on_at_once(folder: Path) -> None:
    store = Shelf()
    first = Service(folder, store)
    async with first.until_killed():
        account, _ = await first.conversations.start(Order("desk"))
        await first.conversations.send(account.id, said("Bob"))
    store.away = True
    second = Service(folder, store)
    async with second.running():
        await asyncio.sleep(1)
        store.away = False
        await asyncio.sleep(10)
        taken = await second.conversations.send(account.id, said("that is all"))
        assert (taken.previous_state, taken.state, taken.ended) == ("got", "bye", True)


# In writing.


async def test_starting_says_what_it_began_with(service: Service) -> None:
    async with service.running():
        account, taken = await service.conversations.start(Order("desk"))
        assert (taken.state, taken.ended) == ("ask", False)
        (action,) = taken.actions
        assert action["params"] == {"text": "Good day. What can we do for you?"}
        assert account.snapshot["state"] == ""
        assert service.told("tts.completed")


async def test_an_event_says_what_it_led_to(service: Service) -> None:
    async with service.running():
        account, _ = await service.conversations.start(Order("desk", id="mine"))
        taken = await service.conversations.send("mine", said("Bob"))
        assert (taken.previous_state, taken.state, taken.ended) == ("ask", "got", False)
        assert [action["action_type"] for action in taken.actions] == ["set_variable", "play_tts"]
        taken = await service.conversations.send("mine", said("bye"))
        assert (taken.previous_state, taken.state, taken.ended) == ("got", "bye", True)
        with pytest.raises(Ended):
            await service.conversations.send("mine", said("hello?"))
        kept = await service.conversations.get(account.id)
        assert (kept.outcome, kept.created_at[-1]) == ("hangup", "Z")


async def test_what_leads_nowhere_changes_nothing(service: Service) -> None:
    async with service.running():
        await service.conversations.start(Order("desk", id="mine"))
        taken = await service.conversations.send("mine", Event("dtmf", {"digit": "5"}))
        assert (taken.previous_state, taken.state, taken.actions) == ("ask", "ask", ())


async def test_an_id_is_used_once(service: Service) -> None:
    async with service.running():
        await service.conversations.start(Order("desk", id="mine"))
        with pytest.raises(Conflict):
            await service.conversations.start(Order("desk", id="mine"))


async def test_ending_one_ends_it(service: Service) -> None:
    async with service.running():
        account, _ = await service.conversations.start(Order("desk"))
        await service.conversations.end(account.id)
        assert (await service.conversations.get(account.id)).outcome == "closed"
        with pytest.raises(Ended):
            await service.conversations.end(account.id)
        waiting, _ = await service.conversations.start(HERE)
        await asyncio.sleep(1)
        await service.conversations.end(waiting.id)
        await asyncio.sleep(5)
        assert service.calls.rooms == []
        with pytest.raises(UnknownConversation):
            await service.conversations.end("nobody")


async def test_there_is_no_end_of_the_wrong_kinds_of_start(service: Service) -> None:
    async with service.running():
        with pytest.raises(UnknownFlow):
            await service.conversations.start(Order("disk"))
        with pytest.raises(UnknownState, match="did you mean 'ask'"):
            await service.conversations.start(Order("desk", state="aks"))
        for _ in range(3):
            await service.conversations.start(Order("desk"))
        with pytest.raises(Overloaded):
            await service.conversations.start(Order("desk"))
        assert len(await service.conversations.page(limit=10)) == 3


async def test_one_that_nobody_writes_to_is_over_after_a_while(service: Service) -> None:
    async with service.running():
        account, _ = await service.conversations.start(Order("desk"))
        await asyncio.sleep(IDLE - 90)
        await service.conversations.send(account.id, said("Bob"))
        await asyncio.sleep(IDLE - 10)
        assert (await service.conversations.get(account.id)).outcome == ""
        await asyncio.sleep(80)
        assert (await service.conversations.get(account.id)).outcome == "idle"


async def test_a_mistake_of_ours_ends_one_conversation_alone(service: Service) -> None:
    async with service.running():
        await service.conversations.start(Order("desk", id="mine"))
        other, _ = await service.conversations.start(Order("desk"))
        service.conversations._register.live["mine"]._keep = None  # type: ignore[assignment]
        await service.conversations.send("mine", said("Bob"))
        await asyncio.sleep(1)
        assert (await service.conversations.get("mine")).outcome == "failed"
        assert service.told("error")[0]["code"] == "dialog_failed"
        taken = await service.conversations.send(other.id, said("Bob"))
        assert taken.state == "got"
