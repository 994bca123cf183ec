"""Transcripts are kept whole, shown in every format, and deleted without a trace."""

from __future__ import annotations

import json

import pytest

from tests.fakes.store import MemoryStore
from tests.unit.transcriber.transcripts.calls import said
from transcriber.captions.transcript import FORMATS, Format
from transcriber.transcripts.archive import Archive, Kept, Missing, Said


async def begun(archive: Archive, room: str = "r", now: float = 100.0) -> Kept:
    return await archive.begin(room, title="Team *A*", by="users/ann", now=now)


async def shown(archive: Archive, kept: Kept, form: Format) -> str:
    return "".join([piece async for piece in archive.text(kept, form)])


def line(text: str, *, start: int = 0, who: str = "ann", offset: int = 0) -> Said:
    return Said(said(text, start=start, who=who), f"users/{who}", offset)


async def test_what_was_said_is_there_in_every_format() -> None:
    archive = Archive(MemoryStore())
    kept = await begun(archive)
    await archive.add(kept, [line("Hello."), line("Hi <b>.", start=900, who="bob")])
    expected = {
        "txt": "Ann: Hello.\nBob: Hi <b>.\n",
        "vtt": "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\n<v Ann>Hello.\n\n"
        "00:00:00.900 --> 00:00:01.400\n<v Bob>Hi &lt;b&gt;.\n",
        "srt": "1\n00:00:00,000 --> 00:00:00,500\nAnn: Hello.\n\n"
        "2\n00:00:00,900 --> 00:00:01,400\nBob: Hi <b>.\n",
        "md": "# Team \\*A\\*\n\n**Ann** (00:00:00)  \nHello.\n\n"
        "**Bob** (00:00:00)  \nHi \\<b\\>.\n",
    }
    for form in FORMATS:
        text = await shown(archive, kept, form)
        if form == "json":
            words = [segment["text"] for segment in json.loads(text)["segments"]]
            assert words == ["Hello.", "Hi <b>."]
        else:
            assert text == expected[form]


async def test_lines_are_in_the_order_they_were_said_and_only_once() -> None:
    archive = Archive(MemoryStore())
    kept = await begun(archive)
    later, earlier = line("two", start=2000), line("one", start=1000)
    await archive.add(kept, [later, earlier])
    await archive.add(kept, [later])
    assert await shown(archive, kept, "txt") == "Ann: one\nAnn: two\n"


async def test_a_call_that_was_entered_again_goes_on_counting() -> None:
    archive = Archive(MemoryStore())
    kept = await begun(archive)
    await archive.add(kept, [line("one", start=500), line("two", start=100, offset=60_000)])
    assert "00:01:00.100 --> 00:01:00.600" in await shown(archive, kept, "vtt")
    (_, second) = json.loads(await shown(archive, kept, "json"))["segments"]
    assert second["words"][0]["start"] == 60.1


async def test_whoever_is_left_out_is_nowhere_any_more() -> None:
    store = MemoryStore()
    archive = Archive(store)
    kept = await begun(archive)
    await archive.add(kept, [line("one"), line("two", who="bob"), line("three")])
    anew = await archive.leave_out(kept, frozenset({"users/ann"}))
    assert await shown(archive, anew, "txt") == "Bob: two\n"
    assert anew.lines == 1
    assert await archive.get(kept.id) == anew
    assert await store.read(kept.stream) == []


async def test_transcripts_are_found_by_id_by_room_and_page_by_page() -> None:
    archive = Archive(MemoryStore())
    made = [await begun(archive, room, now) for now, room in enumerate(("a", "b", "a"), 100)]
    assert await archive.get(made[1].id) == made[1]
    assert await archive.page() == made
    assert await archive.page(limit=1) == made[:1]
    assert await archive.page(after=made[0].id) == made[1:]
    assert await archive.page(room="a") == [made[0], made[2]]
    with pytest.raises(Missing):
        await archive.get("trn_0")


async def test_a_page_is_filled_from_as_many_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcriber.transcripts.archive.PAGE", 2)
    archive = Archive(MemoryStore())
    made = [await begun(archive, "a" if now % 3 else "b", now) for now in range(100, 112)]
    await archive.add(made[0], [line(str(number), start=number) for number in range(7)])
    assert len(await archive.page(limit=50, room="b")) == 4
    assert (await shown(archive, made[0], "txt")).count("\n") == 7


async def test_what_is_deleted_is_gone() -> None:
    store = MemoryStore()
    archive = Archive(store)
    first, second = await begun(archive), await begun(archive, now=200.0)
    await archive.add(second, [line("one")])
    await archive.delete(first)
    assert await archive.page() == [second]
    await archive.delete(second)
    assert await archive.page() == []
    assert await store.read(second.stream) == []
