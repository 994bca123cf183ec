"""Consent and wanting to be left out are kept, and told at once."""

from tests.fakes.store import MemoryStore
from transcriber.transcripts.permission import Consent, Permissions


async def test_a_room_agrees_until_it_does_not() -> None:
    permissions = Permissions(MemoryStore(), now=lambda: 5.0)
    assert await permissions.consent("r") is None
    await permissions.give("r", by="users/ann", title="Team")
    assert await permissions.consent("r") == Consent("Team", "users/ann", 5.0)
    await permissions.withdraw("r")
    assert await permissions.consent("r") is None


async def test_people_are_left_out_room_by_room() -> None:
    permissions = Permissions(MemoryStore())
    await permissions.leave_out("r", "users/ann")
    await permissions.leave_out("r", "guests/1f")
    await permissions.leave_out("r2", "users/bob")
    await permissions.leave_out("q", "users/cid")
    assert await permissions.without("r") == {"users/ann", "guests/1f"}
    await permissions.let_in("r", "users/ann")
    assert await permissions.without("r") == {"guests/1f"}


async def test_many_may_be_left_out(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("transcriber.transcripts.permission.PAGE", 3)
    permissions = Permissions(MemoryStore())
    for number in range(10):
        await permissions.leave_out("r", f"users/{number}")
    assert len(await permissions.without("r")) == 10


async def test_whoever_listens_learns_of_every_change() -> None:
    permissions, told = Permissions(MemoryStore()), list[str]()
    end = permissions.listen(told.append)
    await permissions.give("r", by="api")
    await permissions.withdraw("r")
    await permissions.leave_out("s", "users/ann")
    await permissions.let_in("s", "users/ann")
    end()
    await permissions.changed("r")
    assert told == ["r", "r", "s", "s"]
