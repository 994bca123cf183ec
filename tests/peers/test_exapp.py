"""An installation and a call, as Nextcloud and Talk drive them."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.store import MemoryStore
from tests.peers import until
from tests.peers.nextcloud import SECRET, Nextcloud, headers
from tests.peers.talk.app import forsaken
from tests.peers.talk.routes import CALLS, READER, ROOM
from transcriber.connectors import nextcloud
from transcriber.engines.stt.base import Progress
from transcriber.errors import EngineError
from transcriber.session.supervisor import Supervisor
from transcriber.session.wishes import Wish
from transcriber.web.appapi import AppApiGuard
from transcriber.web.exapp import ExApp, talk_error
from transcriber.web.routes import PUBLIC
from transcriber.web.server import application, listen

ANN = READER
READ = {"roomToken": ROOM, "ncSessionId": ANN, "enable": True}


class Installation:
    """Our side, with a supervisor whose rooms nobody attends."""

    def __init__(self, cloud: Nextcloud) -> None:
        self.cloud = cloud
        self.problem: EngineError | None = None
        self.app: ExApp
        self.supervisor = Supervisor(MemoryStore(), self, most=3)

    async def prepare(self, progress: Progress) -> None:
        for done in (0.0, 0.5, 1.0):
            progress("model", done)
            await asyncio.sleep(0)
        if self.problem:
            raise self.problem

    def start(self, room: str, wish: Wish) -> None: ...

    def stop(self, room: str) -> None: ...

    async def readers(self) -> dict[str, dict[str, str]]:
        return {wish.room: dict(wish.readers) for wish in await self.supervisor.wishes()}


@pytest.fixture
async def cloud() -> AsyncIterator[Nextcloud]:
    async with Nextcloud().running() as running:
        yield running


@pytest.fixture
async def installed(cloud: Nextcloud) -> AsyncIterator[Installation]:
    ours = Installation(cloud)
    assert cloud._http
    app = ours.app = ExApp(
        nextcloud.Nextcloud(cloud.identity, cloud._http),
        ours.supervisor,
        prepare=ours.prepare,
        heard=("en", "fr"),
        readable=lambda: ("de",),
        version="0.1.0",
    )
    web_app = application(app.routes(), {"appapi": AppApiGuard(cloud.identity)}, explain=talk_error)
    async with listen(web_app, "127.0.0.1", 0) as cloud.app_url, asyncio.TaskGroup() as tasks:
        tasks.create_task(app.run())
        tasks.create_task(ours.supervisor.run())
        yield ours
        app.stop()
        ours.supervisor.stop()


async def test_from_install_to_disable(installed: Installation) -> None:
    cloud = installed.cloud
    assert await cloud.call("GET", "/heartbeat", sent={}) == (200, {"status": "ok"})
    assert await cloud.call("POST", "/init") == (200, {})
    await until(lambda: 100 in cloud.progress)
    assert cloud.progress == sorted(cloud.progress)
    assert await cloud.call("GET", "/enabled") == (200, {"enabled": True})
    assert (await cloud.call("POST", "/api/v1/call/transcribe", READ))[0] == 200
    assert await installed.readers() == {ROOM: {ANN: ""}}
    off = READ | {"enable": False}
    assert (await cloud.call("POST", "/api/v1/call/transcribe", off))[0] == 200
    assert await installed.readers() == {ROOM: {}}
    assert await cloud.call("PUT", "/enabled?enabled=0") == (200, {"error": ""})
    assert await installed.readers() == {}
    assert await cloud.call("GET", "/enabled") == (200, {"enabled": False})


async def test_languages_have_what_the_page_needs(installed: Installation) -> None:
    status, languages = await installed.cloud.call("GET", "/api/v1/languages")
    assert status == 200
    assert languages == {
        "en": {"name": "English", "metadata": {"separator": " ", "rtl": False}},
        "fr": {"name": "Français", "metadata": {"separator": " ", "rtl": False}},
    }


async def test_capabilities_have_the_shape_that_talk_reads(installed: Installation) -> None:
    _, answer = await installed.cloud.call("GET", "/capabilities")
    can = answer["live_transcription"]
    assert can["features"] == ["live_transcription", "live_translation"]
    assert set(can["live_transcription"]["supported_languages"]) == {"en", "fr"}
    languages = can["live_translation"]["supported_translation_languages"]
    assert set(languages["target_languages"]) == {"de"}


async def test_the_language_of_a_room_changes_for_its_readers(installed: Installation) -> None:
    spoken = {"roomToken": ROOM, "langId": "fr"}
    call = installed.cloud.call
    status, answer = await call("POST", "/api/v1/call/set-language", spoken)
    assert (status, set(answer)) == (404, {"error"})
    await call("POST", "/api/v1/call/transcribe", READ)
    assert (await call("POST", "/api/v1/call/set-language", spoken))[0] == 200
    assert [wish.language for wish in await installed.supervisor.wishes()] == ["fr"]


@pytest.mark.parametrize(
    ("target", "status"), [("de", 200), (None, 200), ("es", 550)], ids=["known", "back", "unknown"]
)
async def test_a_reader_chooses_what_to_read(
    installed: Installation, target: str | None, status: int
) -> None:
    wish = {"roomToken": ROOM, "ncSessionId": ANN, "langId": target}
    path = "/api/v1/translation/set-target-language"
    if status == 200:
        assert (await installed.cloud.call("POST", path, wish))[0] == 404
    await installed.cloud.call("POST", "/api/v1/call/transcribe", READ)
    assert (await installed.cloud.call("POST", path, wish))[0] == status
    assert (await installed.readers())[ROOM][ANN] == (target if target == "de" else "")


async def test_pressing_twice_is_pressing_once_and_one_does_not_stop_another(
    installed: Installation,
) -> None:
    call = installed.cloud.call
    for reader in (ANN, ANN, "bob"):
        await call("POST", "/api/v1/call/transcribe", READ | {"ncSessionId": reader})
    await call("POST", "/api/v1/call/transcribe", READ | {"ncSessionId": "bob", "enable": False})
    assert await installed.readers() == {ROOM: {ANN: ""}}
    assert (await call("POST", "/api/v1/call/leave", {"roomToken": ROOM}))[0] == 200
    assert await installed.readers() == {}


@pytest.mark.parametrize(
    "change",
    [
        {"roomToken": "../etc"},
        {"roomToken": ""},
        {"ncSessionId": ""},
        {"ncSessionId": "x" * 600},
        {"enable": "perhaps"},
        {"langId": "tlh"},
        {"langId": "<script>"},
        {"roomToken": None},
    ],
)
async def test_what_makes_no_sense_is_refused_in_talks_form(
    installed: Installation, change: dict[str, object]
) -> None:
    status, answer = await installed.cloud.call("POST", "/api/v1/call/transcribe", READ | change)
    assert 400 <= status < 500
    assert list(answer) == ["error"]
    assert await installed.readers() == {}


async def test_too_many_rooms_are_refused_clearly(installed: Installation) -> None:
    answers = [
        await installed.cloud.call("POST", "/api/v1/call/transcribe", READ | {"roomToken": room})
        for room in ("room1", "room2", "room3", "room4")
    ]
    assert [status for status, _ in answers] == [200, 200, 200, 503]
    assert "3 rooms" in answers[-1][1]["error"]


def proof(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORGED: dict[str, dict[str, str | None]] = {
    "nothing": {"AUTHORIZATION-APP-API": None},
    "empty": {"AUTHORIZATION-APP-API": ""},
    "no base64": {"AUTHORIZATION-APP-API": "%%%"},
    "wrong secret": {"AUTHORIZATION-APP-API": proof("ann:wrong")},
    "secret as user": {"AUTHORIZATION-APP-API": proof(f"{SECRET}:")},
    "no colon": {"AUTHORIZATION-APP-API": proof(SECRET)},
    "secret and more": {"AUTHORIZATION-APP-API": proof(f":{SECRET}x")},
    "another app": {"EX-APP-ID": "other"},
    "no app": {"EX-APP-ID": None},
    "no version": {"EX-APP-VERSION": None},
    "no app api": {"AA-VERSION": None},
    "too long": {"AUTHORIZATION-APP-API": proof(f":{SECRET}" + "x" * 6000)},
    "of an installation before": {"AUTHORIZATION-APP-API": proof(":the-secret-of-yesterday")},
    "in another header": {
        "AUTHORIZATION-APP-API": None,
        "Authorization": f"Basic {proof(f':{SECRET}')}",
    },
}
GOOD = headers()["AUTHORIZATION-APP-API"].encode()
RAW = (
    b"EX-APP-ID: \xff\xfe",
    b"AUTHORIZATION-APP-API: " + b"QQ" * 50_000,
    b"AUTHORIZATION-APP-API: QQ==\r\nAUTHORIZATION-APP-API: " + GOOD,
)


@pytest.mark.parametrize("forged", FORGED)
async def test_whoever_is_not_our_nextcloud_gets_nothing(
    installed: Installation, forged: str
) -> None:
    for call in CALLS[1:]:
        sent = headers(changed=FORGED[forged])
        status, answer = await installed.cloud.call(call.method, call.path, call.body, sent=sent)
        assert (status, list(answer)) == (401, ["error"])
    assert await installed.readers() == {}
    assert installed.cloud.progress == []


@pytest.mark.parametrize("change", RAW, ids=["no text", "endless", "good after bad"])
async def test_whatever_stands_in_a_header_is_refused(
    installed: Installation, change: bytes
) -> None:
    """Written byte by byte, because no client would send that; ours goes on as before."""
    lines = [f"{name}: {value}".encode() for name, value in headers().items()]
    refused = [line for line in lines if not line.startswith(change.partition(b":")[0])]
    head = b"\r\n".join([b"GET /enabled HTTP/1.1", b"Host: us", change, *refused, b"", b""])
    reader, writer = await asyncio.open_connection(*address(installed.cloud.app_url))
    writer.write(head)
    status = (await reader.readline()).split()[1]
    writer.close()
    assert status in (b"400", b"401")
    assert await installed.cloud.call("GET", "/enabled") == (200, {"enabled": False})


def address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


async def test_every_route_but_the_heartbeat_wants_a_proof(installed: Installation) -> None:
    asked = {(call.method, call.path.partition("?")[0]) for call in CALLS}
    routes = {(route.method, route.path): route.auth for route in installed.app.routes()}
    assert routes.keys() == asked
    assert [path for (_, path), kind in routes.items() if kind is PUBLIC] == ["/heartbeat"]


async def test_every_answer_has_the_form_that_talk_reads(installed: Installation) -> None:
    for call in CALLS:
        status, answer = await installed.cloud.call(call.method, call.path, call.body)
        assert status == 200
        call.check(status, answer)


async def test_every_answer_comes_in_time_although_nothing_works(
    cloud: Nextcloud, tmp_path: Path
) -> None:
    """In time is within the three seconds that Talk waits; `tests.load.exapp` says how soon."""
    async with forsaken(cloud, tmp_path) as process:
        for call in CALLS * 2:
            status, answer = await cloud.call(call.method, call.path, call.body)
            assert status == 200
            call.check(status, answer)
        assert process.running
    assert "Traceback" not in process.output


async def test_answers_come_at_once_although_nothing_works(installed: Installation) -> None:
    """A tenth of a second of our own CPU for fifty presses: Talk waits three seconds for each."""
    began = time.process_time()
    for number in range(50):
        press = READ | {"ncSessionId": f"user{number}"}
        assert (await installed.cloud.call("POST", "/api/v1/call/transcribe", press))[0] == 200
    assert len((await installed.readers())[ROOM]) == 50
    assert time.process_time() - began < 2


async def test_a_restarted_container_remembers_that_it_was_enabled(cloud: Nextcloud) -> None:
    cloud.state, cloud.down = 1, 1
    ours = Installation(cloud)
    assert cloud._http
    home = nextcloud.Nextcloud(cloud.identity, cloud._http)
    app = ExApp(home, ours.supervisor, prepare=ours.prepare, heard=("en",))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(app.run())
        await until(lambda: app.enabled)
        app.stop()


async def test_a_failed_installation_says_why(installed: Installation) -> None:
    installed.problem = EngineError("unusable", "no model", remedy="install it")
    await installed.cloud.call("POST", "/init")
    await until(lambda: installed.cloud.errors)
    assert installed.cloud.errors == ["no model; install it"]
    assert 100 not in installed.cloud.progress
