"""The part that is an app of Nextcloud: it captions the calls that Talk names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

import structlog
from aiohttp import web

from transcriber import aio
from transcriber.app.form import changed, scheme
from transcriber.app.home import asking, needed
from transcriber.app.house import Face, House, Show
from transcriber.app.translators import targets, translating
from transcriber.app.troubles import Troubles, of_settings
from transcriber.bus.memory import Bus
from transcriber.captions.languages import NAMES
from transcriber.config import Settings
from transcriber.connectors.nextcloud import AppApiOptions, Nextcloud, Unanswered
from transcriber.connectors.nextcloud.abilities import Abilities
from transcriber.connectors.nextcloud.admin import Admin
from transcriber.connectors.nextcloud.chat import ROUTE, Chat
from transcriber.connectors.nextcloud.log import forwarding
from transcriber.connectors.nextcloud.relays import Relays
from transcriber.connectors.nextcloud.tunnel import Harp, tunnel
from transcriber.connectors.talk.call import Server, Talk
from transcriber.engines.mt.careful import Careful
from transcriber.events import ErrorHappened, Failure
from transcriber.rtc import Media
from transcriber.session.attendant import Attendant, Rooms
from transcriber.session.crew import Ended
from transcriber.session.limits import short_of_memory
from transcriber.session.supervisor import Supervisor
from transcriber.tls import trust
from transcriber.transcripts.permission import Permissions
from transcriber.web.appapi import AppApiGuard, behind
from transcriber.web.auth import Guard
from transcriber.web.bot import Bot
from transcriber.web.calls import Calls
from transcriber.web.exapp import Check, ExApp, talk_error
from transcriber.web.routes import Kind, Route
from transcriber.web.server import listen, listen_here

__all__ = ["nextcloud", "signaling"]

log = structlog.get_logger(__name__)


@asynccontextmanager
async def nextcloud(house: House) -> AsyncIterator[Face]:
    """Serve Nextcloud on the port AppAPI gave us; nothing, if no AppAPI did."""
    async with asking(house.settings) as home, translating(house.settings, home) as translator:
        if home is None:
            yield Face()
            return
        us = Us(house, home, translator)
        if house.crew.front:
            async with _serving(us) as (rooms, ours):
                yield Face(Calls(rooms).routes(), elsewhere=partial(_reachable, us, ours))
            return
        async with attended(us, lambda room: None):
            yield Face()


@dataclass(frozen=True, slots=True)
class Us:
    """What makes us an app of Nextcloud."""

    house: House
    home: Nextcloud
    translator: Careful | None


@asynccontextmanager
async def attended(us: Us, ended: Ended) -> AsyncIterator[Rooms]:
    """Attend Talk's rooms, in this process or by its workers."""
    house, settings = us.house, us.house.settings
    relays = Relays(us.home, settings.rooms.servers)
    abilities = Abilities(us.home, replaces=settings.talk.replaces)
    async with aio.alongside(relays.run()), Media(ice_servers=relays.servers) as media:
        talk = Talk(
            signaling(settings),
            media,
            tell=partial(_tell, house.bus),
            encrypted=abilities.encrypted,
        )

        def make(ended: Ended) -> Attendant:
            return Attendant(
                lambda room, wish: talk.connect(room, lambda: wish().awaited),
                stt=house.stt,
                bus=house.bus,
                ended=ended,
                seats=house.seats,
                translator=us.translator,
                talker=house.talks.conversations if house.talks else None,
                replacing=abilities.replaces,
                drain=settings.session.drain,
            )

        async with house.crew.attend("talk", make, ended) as rooms:
            yield rooms


def _tell(bus: Bus, failure: Failure) -> None:
    bus.publish(ErrorHappened(session_id="", data=failure))


@asynccontextmanager
async def _serving(us: Us) -> AsyncIterator[tuple[Supervisor, Sequence[Route]]]:
    """Attend rooms as Talk wishes; yields who does, and what Nextcloud may call."""
    house, limits = us.house, us.house.settings.session
    async with AsyncExitStack() as stack:
        attending = attended(us, lambda room: rooms.ended(room))
        rooms = Supervisor(
            house.store,
            await stack.enter_async_context(attending),
            language=house.settings.speech.language,
            most=limits.rooms,
            places=house.places,
            refuse=lambda: short_of_memory(limits.memory_mb),
        )
        if house.talks:
            house.talks.conversations.calls["talk"] = rooms
        await stack.enter_async_context(forwarding(Admin(us.home)))
        guard, chat = AppApiGuard(us.home.identity), Chat(us.home)
        permissions = Permissions(house.store)
        bot = Bot(permissions, trusted=guard.knows, told=chat.told, say=chat.say)
        app = _app(us, rooms, chat, stack.enter_context(_troubles(house)))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        tasks.create_task(app.run(), name="exapp")
        tasks.create_task(rooms.run(), name="rooms")
        ending = [
            tasks.create_task(bot.run(), name="bot"),
            tasks.create_task(_watch_form(us), name="form"),
        ]
        try:
            yield rooms, [*app.routes(), *bot.routes(ROUTE)]
        finally:
            app.stop()
            rooms.stop()
            for task in ending:
                task.cancel()


async def _watch_form(us: Us) -> None:
    await changed(us.home, us.house.form)
    us.house.begin_anew()


@contextmanager
def _troubles(house: House) -> Iterator[Troubles]:
    troubles = Troubles(house.bus)
    try:
        yield troubles
    finally:
        troubles.close()


@asynccontextmanager
async def _reachable(
    us: Us, ours: Sequence[Route], others: Sequence[Route], guards: Mapping[Kind, Guard], show: Show
) -> AsyncIterator[None]:
    """Serve Nextcloud what it calls, and its administrators the console."""
    known = {(route.method, route.path) for route in ours}
    console = [one for one in others if behind(one) and (one.method, one.path) not in known]
    both: dict[Kind, Guard] = {**guards, "appapi": AppApiGuard(us.home.identity)}
    served = show([*ours, *console], both, explain=talk_error)
    async with _listening(served, us.house.settings.nextcloud) as url:
        log.info("serving nextcloud", url=url, nextcloud=us.home.base)
        yield


@asynccontextmanager
async def _listening(served: web.Application, cloud: AppApiOptions) -> AsyncIterator[str]:
    """Let Nextcloud call us: on our port, or through HaRP where it gave us a key for that."""
    key = cloud.harp_key.get_secret_value()
    if not key:
        async with listen(served, cloud.app_host, cloud.app_port) as url:
            yield url
        return
    harp = Harp(
        address=needed("HP_FRP_ADDRESS", cloud.harp_address),
        port=cloud.harp_port,
        key=key,
        app_id=cloud.app_id,
        app_port=cloud.app_port,
        socket=cloud.harp_socket,
    )
    async with listen_here(served, harp.socket), tunnel(harp):
        yield f"unix:{harp.socket}"


def _app(us: Us, rooms: Supervisor, chat: Chat, troubles: Troubles) -> ExApp:
    house, stt = us.house, us.house.stt

    def checks() -> dict[str, Check]:
        found = {**troubles.lately(), **of_settings(house)}
        return {name: Check(status=one.level, text=one.shown) for name, one in found.items()}

    return ExApp(
        us.home,
        rooms,
        prepare=stt.prepare,
        heard=tuple(NAMES) if "*" in stt.info.languages else stt.info.languages,
        introduce=lambda: _introduce(us, chat),
        readable=targets(us.translator),
        checks=checks,
        version=us.home.identity.app_version,
    )


async def _introduce(us: Us, chat: Chat) -> None:
    """Tell Nextcloud what we show its administrator, and of our bot; what it refuses, it lacks."""
    admin = Admin(us.home)
    steps: list[Callable[[], Awaitable[object]]] = [
        lambda: admin.show_form(scheme()),
        admin.offer_checks,
    ]
    if us.house.settings.transcripts.keep:
        steps.append(chat.register)
    for step in steps:
        try:
            await step()
        except Unanswered as problem:
            if not 400 <= problem.status < 500:
                raise
            log.warning("nextcloud does not take everything we offer", problem=str(problem))


def signaling(settings: Settings) -> Server:
    """Return what there is to know of the signaling server; raises `Misconfigured`."""
    talk = settings.talk
    return Server(
        url=needed("LT_HPB_URL", talk.url),
        backend=talk.backend or settings.nextcloud.url.rstrip("/").removesuffix("/index.php"),
        secret=needed("LT_INTERNAL_SECRET", talk.secret.get_secret_value()),
        tls=not talk.skip_verify and trust(),
    )
