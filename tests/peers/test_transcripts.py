"""Transcripts over real connections: the chat, the files, and the interface for other programs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from tests.fakes.store import MemoryStore
from tests.peers import until
from tests.peers.nextcloud import Nextcloud as Cloud
from tests.peers.nextcloud import Talk, headers
from tests.unit.transcriber.transcripts.calls import said
from transcriber.connectors.nextcloud import Nextcloud, Unanswered
from transcriber.connectors.nextcloud.chat import ROUTE, Chat
from transcriber.connectors.nextcloud.files import Files
from transcriber.transcripts.archive import Archive, Kept, Said
from transcriber.transcripts.permission import Permissions
from transcriber.web.appapi import AppApiGuard
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.bot import Bot
from transcriber.web.server import application, listen
from transcriber.web.transcripts import Transcripts

TOKEN = {"Authorization": "Bearer s3cret"}
ROOM = "abcd1234"


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with Cloud().running() as running:
        running.talk.rooms.add(ROOM)
        yield running


def home(cloud: Cloud) -> Nextcloud:
    assert cloud._http
    return Nextcloud(cloud.identity, cloud._http)


class Chatting:
    """A room's chat with our bot in it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.permissions = Permissions(MemoryStore())
        self.chat = Chat(home(cloud))
        self.bot = Bot(
            self.permissions,
            trusted=AppApiGuard(cloud.identity).knows,
            told=self.chat.told,
            say=self.chat.say,
        )
        self.url = ""

    async def tell(
        self, body: bytes, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str]]:
        sent = self.cloud.talk.signed(body) if headers is None else headers
        assert self.cloud._http
        async with self.cloud._http.post(self.url, data=body, headers=sent) as answer:
            return answer.status, sent

    async def write(self, text: str, *, who: str = "users/ann", kind: int | None = 1) -> str:
        """Write a message; returns what the bot answers."""
        before = len(self.cloud.talk.said)
        status, _ = await self.tell(message(text, who=who, kind=kind))
        assert status == 200
        await until(lambda: len(self.cloud.talk.said) > before)
        return self.cloud.talk.said[-1][1]


def message(text: str, *, who: str = "users/ann", kind: int | None = 1) -> bytes:
    actor = {"type": "Person", "id": who, "name": "Ann"}
    if kind is not None:
        actor["talkParticipantType"] = str(kind)
    content = json.dumps({"message": text, "parameters": {}})
    note = {"type": "Note", "id": "1567", "name": "message", "content": content}
    target = {"type": "Collection", "id": ROOM, "name": "Team"}
    return json.dumps({"type": "Create", "actor": actor, "object": note, "target": target}).encode()


@pytest.fixture
async def chatting(cloud: Cloud) -> AsyncIterator[Chatting]:
    here = Chatting(cloud)
    await here.chat.register()
    app = application(here.bot.routes(ROUTE), {})
    async with listen(app, "127.0.0.1", 0) as url, asyncio.TaskGroup() as tasks:
        here.url = f"{url}{ROUTE}"
        answering = tasks.create_task(here.bot.run())
        yield here
        answering.cancel()


async def test_a_moderator_decides_for_the_room(chatting: Chatting) -> None:
    assert cloud_route(chatting) == ROUTE
    assert "are kept" in await chatting.write("!transcript on")
    consent = await chatting.permissions.consent(ROOM)
    assert consent
    assert (consent.by, consent.title) == ("users/ann", "Team")
    assert "are kept" in await chatting.write("!transcript", kind=3)
    assert "No transcripts" in await chatting.write("!transcript off", kind=6)
    assert await chatting.permissions.consent(ROOM) is None


def cloud_route(chatting: Chatting) -> str:
    return chatting.cloud.talk.route


@pytest.mark.parametrize("kind", [3, 4, 5, None])
async def test_others_do_not_decide(chatting: Chatting, kind: int | None) -> None:
    assert "Only moderators" in await chatting.write("!transcript on", kind=kind)
    assert await chatting.permissions.consent(ROOM) is None


async def test_everybody_decides_for_themselves(chatting: Chatting) -> None:
    await chatting.write("!transcript me off", who="guests/1f", kind=4)
    assert await chatting.permissions.without(ROOM) == {"guests/1f"}
    await chatting.write("!transcript me on", who="guests/1f", kind=4)
    assert await chatting.permissions.without(ROOM) == frozenset()


async def test_what_is_not_for_the_bot_is_left_alone(chatting: Chatting) -> None:
    for body in (
        message("hello"),
        b'{"type":"Create"}',
        b'{"type":"Create","object":{"content":"[]"}}',
        b'{"type":"Like","actor":{"id":"users/ann"},"content":"x"}',
        json.dumps({"type": "Create", "object": {"content": '{"message": 7}'}}).encode(),
    ):
        assert (await chatting.tell(body))[0] == 200
    assert chatting.cloud.talk.said == []


async def test_what_appapi_sends_on_is_believed_without_the_signature(chatting: Chatting) -> None:
    status, _ = await chatting.tell(message("!transcript on"), headers())
    assert status == 200
    assert await chatting.permissions.consent(ROOM)


async def test_a_bot_that_is_added_to_a_room_makes_us_look_again(chatting: Chatting) -> None:
    told: list[str] = []
    chatting.permissions.listen(told.append)
    body = {"type": "Join", "actor": {"id": "bots/bot-1"}, "object": {"id": ROOM, "name": "Team"}}
    await chatting.tell(json.dumps(body).encode())
    assert told == [ROOM]


async def test_only_talk_itself_is_believed(chatting: Chatting) -> None:
    body = message("!transcript on")
    good = chatting.cloud.talk.signed(body)
    forged = [
        {},
        chatting.cloud.talk.signed(body, secret="guessed"),
        chatting.cloud.talk.signed(message("!transcript off")),
        good | {"X-Nextcloud-Talk-Random": "short"},
        good | {"X-Nextcloud-Talk-Signature": "é" * 64},
        {"X-Nextcloud-Talk-Random": good["X-Nextcloud-Talk-Random"]},
    ]
    for proof in forged:
        assert (await chatting.tell(body, proof))[0] == 401
    assert await chatting.permissions.consent(ROOM) is None


async def test_a_message_cannot_be_sent_again(chatting: Chatting) -> None:
    body = message("!transcript me off")
    status, sent = await chatting.tell(body)
    assert status == 200
    assert (await chatting.tell(body, sent))[0] == 401


async def test_what_is_no_message_is_refused(chatting: Chatting) -> None:
    for body in (b"", b"[]", b"{", b'{"type":{}}'):
        assert (await chatting.tell(body))[0] == 400


async def test_a_bot_without_a_secret_believes_nobody(cloud: Cloud) -> None:
    body = message("!transcript on")
    assert not Chat(home(cloud)).told(cloud.talk.signed(body, secret=""), body)


async def test_a_room_without_the_bot_cannot_be_told(cloud: Cloud) -> None:
    with pytest.raises(Unanswered) as error:
        await Chat(home(cloud)).say("other123", "hello")
    assert error.value.status == 401


async def test_a_file_is_put_among_a_users_files_and_shared_once(cloud: Cloud) -> None:
    files = Files(home(cloud), "alice")
    for _ in range(2):
        await files.put("Talk/Transcripts/Team é 1.md", b"# hi", "text/markdown")
        await files.share("Talk/Transcripts/Team é 1.md", ROOM)
    assert cloud.talk.files == {"alice/Talk/Transcripts/Team é 1.md": b"# hi"}
    assert cloud.talk.shares == [("alice", "/Talk/Transcripts/Team é 1.md", ROOM)]


async def test_what_cannot_be_put_or_shared_is_said(cloud: Cloud) -> None:
    files = Files(home(cloud), "alice")
    with pytest.raises(Unanswered):
        await files.share("Talk/none.md", ROOM)
    cloud.talk.folders.clear()
    with pytest.raises(Unanswered, match="409"):
        await files._dav("PUT", "Talk/deep/none.md", b"", allowed=(201,))


class Interface:
    """The routes, and transcripts behind them."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.url = ""
        store = MemoryStore()
        self.archive, self.permissions = Archive(store), Permissions(store)

    async def kept(self, room: str = ROOM, now: float = 1_700_000_000.0) -> Kept:
        kept = await self.archive.begin(room, title="Team & Co", by="api", now=now)
        await self.archive.add(kept, [Said(said("Hello."), "users/ann")])
        return await self.archive.save(replace(kept, lines=1, ended=now + 60))

    async def ask(
        self, method: str, path: str, body: object = None, *, token: bool = True
    ) -> tuple[int, str, str]:
        sent = TOKEN if token else {}
        async with self.http.request(
            method, f"{self.url}{path}", json=body, headers=sent
        ) as answer:
            return answer.status, answer.headers.get("Content-Type", ""), await answer.text()

    async def json(self, path: str) -> dict[str, object]:
        status, _, text = await self.ask("GET", path)
        assert status == 200
        found: dict[str, object] = json.loads(text)
        return found


@pytest.fixture
async def interface() -> AsyncIterator[Interface]:
    async with aiohttp.ClientSession() as http:
        here = Interface(http)
        routes = Transcripts(here.archive, here.permissions).routes()
        app = application(routes, {"token": BearerGuard(AdminToken("s3cret"))})
        async with listen(app, "127.0.0.1", 0) as here.url:
            yield here


async def test_transcripts_are_listed_page_by_page(interface: Interface) -> None:
    made = [
        await interface.kept(room, 1_700_000_000.0 + n) for n, room in enumerate(("a", "b", "a"))
    ]
    page = await interface.json("/api/v1/transcripts?limit=2")
    assert [item["id"] for item in page["items"]] == [kept.id for kept in made[:2]]  # type: ignore[attr-defined]
    rest = await interface.json(f"/api/v1/transcripts?limit=2&cursor={page['next_cursor']}")
    assert [item["id"] for item in rest["items"]] == [made[2].id]  # type: ignore[attr-defined]
    assert rest["next_cursor"] is None
    of_b = await interface.json("/api/v1/transcripts?room=b")
    assert [item["room"] for item in of_b["items"]] == ["b"]  # type: ignore[attr-defined]
    one = await interface.json(f"/api/v1/transcripts/{made[0].id}")
    assert one == {
        "id": made[0].id, "room": "a", "title": "Team & Co", "lines": 1,
        "started_at": "2023-11-14T22:13:20.000Z", "ended_at": "2023-11-14T22:14:20.000Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("form", "media", "begins"),
    [
        ("txt", "text/plain", "P1: Hello."), ("vtt", "text/vtt", "WEBVTT"),
        ("srt", "application/x-subrip", "1\n00:00"), ("json", "application/json", '{"source'),
        ("md", "text/markdown", "# Team & Co"),
    ],
)  # fmt: skip
async def test_a_transcript_is_a_file_in_every_format(
    interface: Interface, form: str, media: str, begins: str
) -> None:
    kept = await interface.kept()
    path = f"/api/v1/transcripts/{kept.id}/content?format={form}"
    status, kind, text = await interface.ask("GET", path)
    assert (status, kind) == (200, f"{media}; charset=utf-8")
    assert text.startswith(begins)


async def test_a_transcript_is_deleted_on_demand(interface: Interface) -> None:
    kept = await interface.kept()
    assert (await interface.ask("DELETE", f"/api/v1/transcripts/{kept.id}"))[0] == 204
    assert (await interface.ask("GET", f"/api/v1/transcripts/{kept.id}"))[0] == 404


async def test_a_room_may_agree_over_this_interface(interface: Interface) -> None:
    path = f"/api/v1/transcript-consents/{ROOM}"
    assert await interface.json(path) == {"keep": False, "title": ""}
    for wish in ({"keep": True, "title": "Team"}, {"keep": False, "title": ""}):
        assert (await interface.ask("PUT", path, wish))[0] == 200
        assert await interface.json(path) == wish
    assert (await interface.ask("PUT", path, {"keep": "maybe"}))[0] == 422


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=201", "limit=-1"])
async def test_a_limit_that_is_none_is_refused(interface: Interface, query: str) -> None:
    assert (await interface.ask("GET", f"/api/v1/transcripts?{query}"))[0] == 422


async def test_a_format_that_is_none_is_refused(interface: Interface) -> None:
    kept = await interface.kept()
    path = f"/api/v1/transcripts/{kept.id}/content?format=pdf"
    assert (await interface.ask("GET", path))[0] == 422


async def test_without_a_token_there_is_nothing_to_see(interface: Interface) -> None:
    kept = await interface.kept()
    for method, path in (
        ("GET", "/api/v1/transcripts"), ("GET", f"/api/v1/transcripts/{kept.id}"),
        ("GET", f"/api/v1/transcripts/{kept.id}/content"),
        ("DELETE", f"/api/v1/transcripts/{kept.id}"),
        ("PUT", f"/api/v1/transcript-consents/{ROOM}"),
    ):  # fmt: skip
        assert (await interface.ask(method, path, token=False))[0] == 401


def test_the_stand_in_signs_as_talk_does() -> None:
    signed = Talk().signed(b"{}")
    assert len(signed["X-Nextcloud-Talk-Random"]) == 64
