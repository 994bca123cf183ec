"""Where turns end by meaning, what is said in one is one event."""

import asyncio

from dialogs.machine import Event
from dialogs.turns import LONGEST, PATIENCE, Turns


def said(text: str, person: str = "p1") -> Event:
    return Event("speech", {"text": text, "person_id": person})


def turns(*, by_meaning: bool = True) -> tuple[Turns, list[Event]]:
    heard: list[Event] = []
    made = Turns(heard.append)
    made.by_meaning = by_meaning
    return made, heard


async def test_what_is_said_in_a_turn_is_joined_for_each_person() -> None:
    made, heard = turns()
    made.hear(said("My number is"))
    made.hear(said("Hello?", "p2"))
    made.hear(said("four two."))
    assert heard == []
    made.end("p1")
    assert heard == [said("My number is four two.")]
    made.end("p1")
    made.end("p2")
    assert heard[1:] == [said("Hello?", "p2")]
    made.stop()


async def test_a_long_pause_ends_a_turn_and_a_voice_prolongs_it() -> None:
    made, heard = turns()
    made.hear(said("Well"))
    await asyncio.sleep(PATIENCE - 0.1)
    made.stir()
    await asyncio.sleep(PATIENCE - 0.1)
    assert heard == []
    await asyncio.sleep(0.2)
    assert heard == [said("Well")]


async def test_no_turn_lasts_for_ever_whoever_speaks_meanwhile() -> None:
    made, heard = turns()
    made.hear(said("Well"))
    for _ in range(round(LONGEST)):
        await asyncio.sleep(1)
        made.stir()
    await asyncio.sleep(0.1)
    assert heard == [said("Well")]


async def test_nobody_waits_where_silence_ends_a_turn_or_a_program_says_the_words() -> None:
    made, heard = turns(by_meaning=False)
    made.hear(said("one"))
    made.stir()
    program, written = turns()
    program.hear(Event("speech", {"text": "two"}))
    assert [event.data["text"] for event in heard + written] == ["one", "two"]
