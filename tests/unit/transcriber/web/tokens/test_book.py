"""The tokens that were made here."""

import json

import pytest

from tests.fakes.store import MemoryStore
from transcriber.web.tokens.book import MOST, REMEMBERED, TokenBook


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def book(store: MemoryStore, clock: Clock) -> TokenBook:
    return TokenBook(store, clock)


async def test_who_shows_a_token_is_known_by_it(book: TokenBook) -> None:
    kept, token = await book.add("ci", ["rooms:read", "rooms:read"], by="settings")
    caller = await book.find(token)
    assert caller
    assert (caller.id, caller.name, caller.scopes) == (kept.id, "ci", frozenset({"rooms:read"}))
    assert (kept.created_by, kept.expires_at, kept.scopes) == ("settings", None, ("rooms:read",))


async def test_the_token_itself_is_kept_nowhere(book: TokenBook, store: MemoryStore) -> None:
    _, token = await book.add("ci", ["admin"], by="settings")
    (record,) = await store.records("token")
    assert token.rpartition("_")[2] not in json.dumps(record.value)


@pytest.mark.parametrize("change", ["", "x", "tok_", "A" * 43, "tok_" + "0" * 32 + "_" + "A" * 43])
async def test_anything_else_is_nobody(book: TokenBook, change: str) -> None:
    await book.add("ci", ["admin"], by="settings")
    assert await book.find(change) is None


async def test_a_token_with_one_other_letter_is_nobody(book: TokenBook) -> None:
    _, token = await book.add("ci", ["admin"], by="settings")
    for place in (5, -1):
        letter = "0" if token[place] != "0" else "1"
        changed = token[:place] + letter + (token[place + 1 :] if place != -1 else "")
        assert await book.find(changed) is None
    assert await book.find(token)


async def test_a_token_ends_when_it_should(book: TokenBook, clock: Clock) -> None:
    _, token = await book.add("ci", ["admin"], by="settings", expires_in=3.0)
    assert await book.find(token)
    clock.now += 3.0
    assert await book.find(token) is None
    assert await book.page(limit=10) == []


async def test_a_revoked_token_is_refused_at_once_here_and_within_seconds_elsewhere(
    book: TokenBook, store: MemoryStore, clock: Clock
) -> None:
    kept, token = await book.add("ci", ["admin"], by="settings")
    elsewhere = TokenBook(store, clock)
    assert await elsewhere.find(token)
    assert await book.find(token)
    assert await book.revoke(kept.id)
    assert not await book.revoke(kept.id)
    assert await book.find(token) is None
    assert await elsewhere.find(token)
    clock.now += REMEMBERED
    assert await elsewhere.find(token) is None


async def test_what_is_remembered_has_a_bound(book: TokenBook) -> None:
    for _ in range(MOST + 1):
        _, token = await book.add("ci", ["rooms:read"], by="settings")
        assert await book.find(token)
    assert len(book._found) <= MOST


async def test_tokens_are_listed_page_by_page(book: TokenBook) -> None:
    made = [(await book.add(str(n), ["rooms:read"], by="settings"))[0].id for n in range(3)]
    first = await book.page(limit=2)
    rest = await book.page(after=first[-1].id, limit=2)
    assert [kept.id for kept in first + rest] == sorted(made)
    assert await book.get(made[0])
    assert await book.get("tok_none") is None
