"""
What Nextcloud calls on us: AppAPI's life cycle and Talk's captions.

Talk's server waits three seconds and no longer, so nothing here does any work: requests change
wishes, and the supervisor makes them true behind. Paths, bodies and codes are Talk's; whatever is
wrong is told as `{"error": text}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Protocol

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, RootModel

from transcriber import aio
from transcriber.captions.languages import language
from transcriber.connectors.nextcloud import Unanswered
from transcriber.engines.stt.base import Progress
from transcriber.errors import TranscriberError
from transcriber.session.supervisor import Supervisor
from transcriber.web.problems import Problem, ProblemError
from transcriber.web.routes import APPAPI, PUBLIC, Route, body

__all__ = ["Check", "ExApp", "TalkError", "talk_error"]

REPORTS = 5
"""Tries to tell Nextcloud something, before the administrator has to start it again."""

WORK = 10
"""Things to do for Nextcloud that wait; the oldest go, because the newest say it all again."""

log = structlog.get_logger(__name__)


class Home(Protocol):
    """The Nextcloud that installed us."""

    async def enabled(self) -> bool:
        """Whether we are turned on."""

    async def report(self, progress: int, error: str = "") -> None:
        """Learn how far the installation is."""


class Anything(BaseModel):
    """An object without fields that anybody reads."""


class Alive(BaseModel):
    """What a heartbeat answers."""

    status: str = "ok"


class Enabled(BaseModel):
    """What turning us on or off came to: an empty error is success."""

    error: str = ""


class State(BaseModel):
    """Whether we are turned on."""

    enabled: bool


class Done(BaseModel):
    """What a wish came to; nobody reads the text."""

    message: str = "done"


class TalkError(BaseModel):
    """An error as Talk's server logs it."""

    error: str


def talk_error(problem: Problem) -> TalkError:
    """Say what is wrong in Talk's form."""
    return TalkError(error=problem.detail)


class Languages(RootModel[dict[str, dict[str, Any]]]):
    """The languages that can be heard, by code."""


Code = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")]


class Check(BaseModel):
    """Something that the administrator should know: `status` is warning or error."""

    status: str
    text: str


class Checks(RootModel[dict[str, Check]]):
    """All of it, by a short name each; nothing is fine."""


class Wanted(BaseModel):
    """Something a user asked Talk for; Talk may add fields."""

    model_config = ConfigDict(extra="ignore")

    room: str = Field(alias="roomToken", pattern=r"^[a-z0-9]{4,30}$")


class Personal(Wanted):
    """A wish of one user, named by the id of their Nextcloud session."""

    reader: str = Field(alias="ncSessionId", min_length=1, max_length=512)


class Reading(Personal):
    """Captions on or off for one user."""

    enable: bool
    language: Code | None = Field(None, alias="langId")


class Spoken(Wanted):
    """What is spoken in a room."""

    language: Code = Field(alias="langId")


class Translated(Personal):
    """What one user wants to read; nothing for what is spoken."""

    language: Code | None = Field(None, alias="langId")


class Installation:
    """Prepares what takes time, and tells Nextcloud how far it is."""

    def __init__(self, home: Home, prepare: Callable[[Progress], Any]) -> None:
        self._home = home
        self._prepare = prepare
        self._progress = 0

    async def run(self) -> None:
        """Do it once; what goes wrong is told to Nextcloud, unless it does not answer."""
        self._progress = 0
        async with asyncio.TaskGroup() as tasks:
            reporting = tasks.create_task(self._report())
            try:
                await self._prepare(self._advance)
            except TranscriberError as error:
                log.exception("installation failed", code=error.code)
                await self._home.report(self._progress, str(error))
                return
            finally:
                reporting.cancel()
        await self._home.report(100)

    def _advance(self, what: str, done: float) -> None:
        self._progress = min(99, int(done * 100))

    async def _report(self) -> None:
        told = -1
        while True:
            if told != self._progress:
                told = self._progress
                await self._home.report(told)
            await asyncio.sleep(1)


class ExApp:
    """Our side of the installation, and of every press of the caption button."""

    def __init__(
        self,
        home: Home,
        rooms: Supervisor,
        *,
        prepare: Callable[[Progress], Any],
        heard: Sequence[str],
        introduce: Callable[[], Any] | None = None,
        readable: Callable[[], Sequence[str]] = tuple,
        checks: Callable[[], Mapping[str, Check]] = dict,
        version: str = "",
    ) -> None:
        """
        `heard` are the languages we recognise, `readable` tells those we translate into;
        `introduce` tells Nextcloud what else it should know of us, whenever we are turned on;
        `checks` says what its administrator should know.
        """
        self.enabled = False
        self._home = home
        self._rooms = rooms
        self._installation = Installation(home, prepare)
        self._heard = heard
        self._readable = readable
        self._checks = checks
        self._version = version
        self._introduce = introduce
        self._work: aio.Backlog[Callable[[], Any]] = aio.Backlog(WORK)
        self._over = asyncio.Event()

    def stop(self) -> None:
        """Let `run` return."""
        self._over.set()
        self._work.close()

    async def run(self) -> None:
        """Find out whether we are enabled, and do whatever takes longer than Nextcloud waits."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._try(self._recover))
            async for work in self._work:
                if not self._over.is_set():
                    await self._try(work)

    def routes(self) -> list[Route]:
        """What Nextcloud may call."""
        call, translation = "/api/v1/call", "/api/v1/translation"
        return [
            Route("GET", "/heartbeat", self._heartbeat, PUBLIC, "We are alive", response=Alive),
            Route("POST", "/init", self._init, APPAPI, "Prepare", response=Anything),
            Route("PUT", "/enabled", self._enable, APPAPI, "Turn on or off", response=Enabled),
            Route("GET", "/enabled", self._state, APPAPI, "Turned on?", response=State),
            Route("GET", "/setup_checks", self._check, APPAPI, "Is all well?", response=Checks),
            Route("GET", "/capabilities", self._capabilities, APPAPI, "What we can"),
            Route("GET", "/api/v1/languages", self._languages, APPAPI, "What we hear"),
            Route("POST", f"{call}/transcribe", self._read, APPAPI, "Captions", Reading, Done),
            Route("POST", f"{call}/set-language", self._speak, APPAPI, "Spoken", Spoken, Done),
            Route("POST", f"{call}/leave", self._leave, APPAPI, "Leave a room", Wanted, Done),
            Route("GET", f"{translation}/languages", self._translations, APPAPI, "Translations"),
            Route(
                "POST", f"{translation}/set-target-language", self._translate, APPAPI, "Translate",
                Translated, Done,
            ),
        ]  # fmt: skip

    async def _heartbeat(self, request: web.Request) -> Alive:
        return Alive()

    async def _init(self, request: web.Request) -> Anything:
        self._work.push(self._installation.run)
        return Anything()

    async def _enable(self, request: web.Request) -> Enabled:
        self.enabled = request.query.get("enabled") == "1"
        if self.enabled:
            self._present()
        else:
            await self._rooms.leave_all()
        return Enabled()

    async def _state(self, request: web.Request) -> State:
        return State(enabled=self.enabled)

    async def _check(self, request: web.Request) -> Checks:
        return Checks(dict(self._checks()))

    async def _languages(self, request: web.Request) -> Languages:
        return _shown(self._heard)

    async def _capabilities(self, request: web.Request) -> Languages:
        features = ["live_transcription"]
        can: dict[str, Any] = {
            "version": self._version,
            "live_transcription": {"supported_languages": _shown(self._heard).root},
        }
        if self._readable():
            features.append("live_translation")
            offered = _translatable(self._heard, self._readable()).root
            can["live_translation"] = {"supported_translation_languages": offered}
        return Languages({"live_transcription": can | {"features": features}})

    async def _translations(self, request: web.Request) -> Languages:
        return _translatable(self._heard, self._readable())

    async def _read(self, request: web.Request) -> Done:
        wish = body(request, Reading)
        if wish.enable:
            await self._rooms.read(wish.room, wish.reader, language=self._known(wish.language))
        else:
            await self._rooms.stop_reading(wish.room, wish.reader)
        return Done()

    async def _speak(self, request: web.Request) -> Done:
        wish = body(request, Spoken)
        try:
            await self._rooms.speak(wish.room, self._known(wish.language))
        except KeyError as error:
            raise ProblemError(404, "no-captions", "nobody reads captions in this room") from error
        return Done()

    async def _translate(self, request: web.Request) -> Done:
        wish = body(request, Translated)
        if wish.language and wish.language not in self._readable():
            raise ProblemError(550, "no-translation", f"cannot translate into {wish.language}")
        try:
            await self._rooms.translate(wish.room, wish.reader, wish.language or "")
        except KeyError as error:
            raise ProblemError(404, "no-captions", "this user reads no captions") from error
        return Done()

    async def _leave(self, request: web.Request) -> Done:
        await self._rooms.leave(body(request, Wanted).room)
        return Done()

    def _known(self, code: str | None) -> str:
        if code and code not in self._heard:
            raise ProblemError(400, "language", f"{code} is not among the languages we hear")
        return code or ""

    async def _recover(self) -> None:
        """A container that starts again is not enabled again: ask how it was left."""
        self.enabled = await self._home.enabled()
        if self.enabled:
            self._present()

    def _present(self) -> None:
        if self._introduce:
            self._work.push(self._introduce)

    async def _try(self, work: Callable[[], Any]) -> None:
        """Do what needs Nextcloud, again if it does not answer."""

        def failed(error: Exception) -> bool:
            log.warning("nextcloud does not answer", problem=str(error))
            return isinstance(error, Unanswered)

        try:
            pauses = partial(aio.backoff, base=2.0, tries=REPORTS)
            await aio.supervise(work, failed=failed, over=self._over, pauses=pauses)
        except Unanswered:
            log.error("nextcloud was not told; disable and enable the app there")  # noqa: TRY400


def _translatable(heard: Sequence[str], readable: Sequence[str]) -> Languages:
    return Languages(
        {"origin_languages": _shown(heard).root, "target_languages": _shown(readable).root}
    )


def _shown(codes: Sequence[str]) -> Languages:
    """Languages as Talk's page wants them."""
    known = map(language, codes)
    return Languages(
        {
            one.code: {"name": one.name, "metadata": {"separator": one.separator, "rtl": one.rtl}}
            for one in known
        }
    )
