"""Events wait in a line."""

import asyncio

from dialogs.inbox import Inbox
from dialogs.machine import Event, Machine
from dialogs.schema import parse
from tests.unit.dialogs.talking import states

LOOP = parse(states("  a: {transitions: [{event: speech, target: a}]}\n"))


def inbox() -> tuple[Inbox, Machine]:
    machine = Machine(LOOP, "s")
    machine.start()
    return Inbox(machine), machine


async def test_they_are_taken_in_their_order() -> None:
    line, _ = inbox()
    line.add(Event("joined"))
    line.add(Event("left"))
    assert len(line) == 2
    assert [await line.take(), await line.take()] == [Event("joined"), Event("left")]


async def test_what_belongs_to_a_state_that_was_left_is_dropped() -> None:
    line, machine = inbox()
    line.add(Event("timeout"), machine.entry)
    machine.step(Event("speech"))
    line.add(Event("silence"), machine.entry)
    assert await line.take() == Event("silence")


async def test_whoever_wants_waits_until_all_were_taken_and_done_with() -> None:
    line, _ = inbox()
    line.add(Event("joined"))
    waiting = asyncio.create_task(line.caught_up())
    await line.take()
    await asyncio.sleep(1)
    assert not waiting.done()
    taking = asyncio.create_task(line.take())
    await waiting
    line.close()
    assert await taking is None


async def test_a_closed_one_gives_nothing_and_nobody_waits_for_it() -> None:
    line, _ = inbox()
    line.add(Event("joined"))
    line.close()
    assert await line.take() is None
    await line.caught_up()
