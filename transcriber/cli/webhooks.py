"""Tell other systems what happens, see what came of it, and try it out.

Works on the database, whether the service runs yet or not; the service delivers. For example:

  transcriber webhooks add https://example.com/hook --events "speech.*" --events call.started
  transcriber webhooks test whk_019ab9c3f2d04e...
  transcriber webhooks deliveries whk_019ab9c3f2d04e... --state dead
  transcriber webhooks replay whk_019ab9c3f2d04e... --since 2026-01-31T12:00:00Z
  transcriber webhooks listen                 a receiver on this machine: verifies and prints
"""

from __future__ import annotations

import argparse
import time
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transcriber.web.webhooks.models import New, Shown
    from webhooks import Endpoint, Store

__all__ = ["add", "run"]

PORT = 9000
"""Where `listen` listens, unless it is told otherwise."""
MOST = 1000
"""Deliveries shown at a time."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = verbs.add_parser("list", help="show who is told of what, and how they do")
    listing.set_defaults(webhooks=_list)
    make = verbs.add_parser("add", help="tell somebody; prints the secret, this once")
    make.add_argument("url", metavar="URL")
    make.add_argument("--name", default="", help="what it is for")
    make.add_argument(
        "--room", action="append", default=[], help="of this room alone; again for more"
    )
    make.set_defaults(webhooks=_add)
    trial = verbs.add_parser("test", help="send a test event")
    trial.set_defaults(webhooks=_test)
    shown = verbs.add_parser("deliveries", help="show what is or was on its way, the newest first")
    shown.add_argument("--state", choices=("pending", "delivered", "dead"), help="only these")
    shown.add_argument("--limit", type=int, default=50, metavar="N", help="how many (50)")
    shown.set_defaults(webhooks=_deliveries)
    again = verbs.add_parser("replay", help="send again what could not be delivered")
    again.add_argument("--delivery", type=int, metavar="N", help="this one, whatever became of it")
    again.add_argument("--since", type=_moment, metavar="TIME", help="what happened since then")
    again.add_argument("--delivered", action="store_true", help="also what did arrive")
    again.set_defaults(webhooks=_replay)
    ears = verbs.add_parser("listen", help="receive here: verify and print, until Ctrl-C")
    ears.add_argument("--port", type=int, default=PORT, help=f"where ({PORT}); 0: any free one")
    ears.add_argument("--secret", metavar="whsec_...", help="of a webhook that there is; if none"
                      " is given, one is made, and forgotten at the end")  # fmt: skip
    ears.set_defaults(webhooks=_listen)
    for verb in (trial, shown, again):
        verb.add_argument("id", metavar="ID", help="as `list` shows it: whk_...")
    for verb in (make, ears):
        verb.add_argument("--events", action="append", metavar="PATTERN", help="such as `speech.*`;"
                          " again for more; all if not said")  # fmt: skip
    for verb in (listing, make, trial, shown, again, ears):
        verb.add_argument("--json", action="store_true", help="print JSON lines, for scripts")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    import asyncio

    from transcriber.cli.setup import configured
    from transcriber.errors import NotFound
    from transcriber.store import StoreFailed
    from webhooks import open_store
    from webhooks.errors import StoreError, Unknown

    settings = configured()
    args.allowed = settings.webhooks.allowed

    async def work() -> None:
        async with open_store(settings.store.url) as store:
            await args.webhooks(store, args)

    try:
        asyncio.run(work())
    except Unknown as error:
        remedy = "see `transcriber webhooks list`"
        raise NotFound(f"there is no webhook {error}", remedy=remedy) from error
    except StoreError as error:
        raise StoreFailed(str(error)) from error
    return 0


async def _list(store: Store, args: argparse.Namespace) -> None:
    from transcriber.cli.screen import show_json, show_table
    from transcriber.web.webhooks.models import Shown

    found: list[Endpoint] = []
    while page := await store.endpoints(limit=200, after=found[-1].id if found else ""):
        found += page
    now = time.time()
    shown = [Shown.of(endpoint, now) for endpoint in found]
    if args.json:
        for one in shown:
            show_json(one.model_dump(mode="json"))
        return
    rows = [(one.id, one.url, "\n".join(one.event_types), _health(one)) for one in shown]
    show_table(("webhook", "url", "events", "health"), rows)


async def _add(store: Store, args: argparse.Namespace) -> None:
    from transcriber.cli.screen import show_json
    from transcriber.web.webhooks.models import WithSecret

    kept = await _made(store, args.url, args)
    if args.json:
        show_json(WithSecret.made(kept, time.time()).model_dump(mode="json"))
    else:
        print(f"{kept.id}\n{kept.secrets[0].value}")


async def _test(store: Store, args: argparse.Namespace) -> None:
    from transcriber.cli.screen import show_json
    from transcriber.web.webhooks.models import trial

    message = trial(args.id)
    await store.add_for(args.id, message, now=time.time())
    if args.json:
        show_json({"id": args.id, "event_id": message.id})
    else:
        print(f"{message.id} is on its way; `transcriber webhooks deliveries {args.id}` shows it")


async def _deliveries(store: Store, args: argparse.Namespace) -> None:
    from transcriber.cli.screen import show_json, show_table
    from transcriber.errors import BadInput
    from transcriber.web.webhooks.models import DeliveryShown

    if not 1 <= args.limit <= MOST:
        raise BadInput(f"--limit is a number from 1 to {MOST}")
    known = await store.endpoint(args.id)
    rows = await store.deliveries(known.id, state=args.state, limit=args.limit)
    shown = [DeliveryShown.of(row) for row in rows]
    if args.json:
        for one in shown:
            show_json(one.model_dump(mode="json"))
        return
    cells = [
        (str(one.id), one.event_type, one.state, str(one.attempts), one.error) for one in shown
    ]
    show_table(("delivery", "event", "state", "attempts", "error"), cells)


async def _replay(store: Store, args: argparse.Namespace) -> None:
    from transcriber.cli.screen import show_json
    from transcriber.errors import NotFound

    known = await store.endpoint(args.id)
    count = await store.replay(
        known.id,
        now=time.time(),
        delivery_id=args.delivery,
        since=args.since or 0.0,
        delivered=args.delivered,
    )
    if args.delivery is not None and not count:
        raise NotFound(f"there is no delivery {args.delivery}")
    if args.json:
        show_json({"id": known.id, "count": count})
    else:
        print(f"{count} will be sent again")


async def _listen(store: Store, args: argparse.Namespace) -> None:
    from transcriber.cli.receiver import receive

    async def made(url: str) -> Endpoint:
        return await _made(store, url, args)

    await receive(store, made, args)


async def _made(store: Store, url: str, args: argparse.Namespace) -> Endpoint:
    return await store.save(_wish(url, args).endpoint(), now=time.time())


def _wish(url: str, args: argparse.Namespace) -> New:
    from pydantic import ValidationError

    from transcriber.errors import BadInput
    from transcriber.web.webhooks.models import New

    name, rooms = getattr(args, "name", "listen"), getattr(args, "room", [])
    try:
        return New(url=url, name=name, event_types=args.events or ["*"], rooms=rooms)
    except ValidationError as error:
        (wrong, *_) = error.errors()
        field = ".".join(map(str, wrong["loc"]))
        raise BadInput(f"{field}: {wrong['msg'].removeprefix('Value error, ')}") from error


def _health(shown: Shown) -> str:
    if not shown.is_active:
        return f"off: {shown.disabled_because or 'by request'}"
    return "fine" if not shown.failure_count else f"{shown.failure_count} failures in a row"


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError("a time is written 2026-01-31T12:00:00Z") from None
