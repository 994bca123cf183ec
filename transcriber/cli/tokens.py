"""Make, list and revoke the tokens with which programs call the API.

A token is shown once, when it is made; only a hash of it is kept. It works with every instance on
the same database, whether the service runs yet or not. `add --help` lists what a token may allow.
For example:

  transcriber tokens add "ticket system" --scope webhooks:write --scope events:read
  transcriber tokens add ci --scope admin --days 30
  transcriber tokens list
  transcriber tokens revoke tok_019ab9c3f2d04e...
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from transcriber.errors import BadInput, NotFound
from transcriber.web.scopes import SCOPES

if TYPE_CHECKING:
    from transcriber.web.tokens import Kept, TokenBook

__all__ = ["add", "run"]

DAY = 86_400


def add(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    make = verbs.add_parser(
        "add",
        help="make a token and print it, this once",
        epilog="scopes:\n" + "\n".join(f"  {name:16}{what}" for name, what in SCOPES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    make.add_argument("name", metavar="NAME", help="what it is for")
    make.add_argument(
        "--scope", action="append", required=True, metavar="SCOPE", choices=SCOPES,
        help="what it allows, see below; again for more",
    )  # fmt: skip
    make.add_argument("--days", type=float, metavar="N", help="for how long; if not for ever")
    make.set_defaults(tokens=_add)
    listing = verbs.add_parser("list", help="show which tokens there are")
    listing.set_defaults(tokens=_list)
    revoke = verbs.add_parser("revoke", help="make a token invalid, at once")
    revoke.add_argument("id", metavar="ID", help="as `list` shows it: tok_...")
    revoke.set_defaults(tokens=_revoke)
    for verb in (make, listing, revoke):
        verb.add_argument("--json", action="store_true", help="print JSON lines, for scripts")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    import asyncio

    from transcriber.cli.setup import configured
    from transcriber.store import open_store
    from transcriber.web.tokens import TokenBook

    url = configured().store.url

    async def work() -> None:
        async with open_store(url) as store:
            await args.tokens(TokenBook(store), args)

    asyncio.run(work())
    return 0


async def _add(book: TokenBook, args: argparse.Namespace) -> None:
    from transcriber.cli.screen import show_json

    if not args.name or len(args.name) > 120 or (args.days is not None and args.days <= 0):
        raise BadInput("a token needs a name of 1 to 120 letters, and days over 0")
    lasting = args.days * DAY if args.days else None
    kept, token = await book.add(args.name, args.scope, by="command line", expires_in=lasting)
    if args.json:
        show_json(_shown(kept) | {"token": token})
    else:
        print(token)


async def _list(book: TokenBook, args: argparse.Namespace) -> None:
    from transcriber.cli.screen import show_json, show_table

    found = [_shown(kept) for kept in await _all(book)]
    if args.json:
        for shown in found:
            show_json(shown)
        return
    rows = [
        (one["id"], one["name"], "\n".join(one["scopes"]), (one["expires_at"] or "")[:10])
        for one in found
    ]
    show_table(("token", "name", "allows", "until"), rows)


async def _revoke(book: TokenBook, args: argparse.Namespace) -> None:
    from transcriber.cli.screen import show_json

    if not await book.revoke(args.id):
        raise NotFound(f"there is no token {args.id}", remedy="see `transcriber tokens list`")
    if args.json:
        show_json({"id": args.id, "revoked": True})
    else:
        print(f"{args.id} is not valid any more")


async def _all(book: TokenBook) -> list[Kept]:
    found: list[Kept] = []
    while page := await book.page(after=found[-1].id if found else "", limit=200):
        found += page
    return found


def _shown(kept: Kept) -> dict[str, Any]:
    from transcriber.web.moment import moment

    ends = kept.expires_at
    return {
        "id": kept.id,
        "name": kept.name,
        "scopes": list(kept.scopes),
        "created_at": moment(kept.created_at).isoformat(timespec="seconds"),
        "expires_at": moment(ends).isoformat(timespec="seconds") if ends else None,
        "by": kept.created_by,
    }
