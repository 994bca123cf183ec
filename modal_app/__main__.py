"""
The commands: `serve`, `download`, `bench`, `load`.

Exit codes: 0 done, 1 it did not work, 2 wrong usage, 3 not configured.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from modal_app import settings
from modal_app.arch import ARCHS, LICENCE
from modal_app.batcher import Limits
from modal_app.hub import Hub, Model
from modal_app.pace import new_loop, settle
from modal_app.server import Site, serve

__all__ = ["main"]

LOCAL = ("127.0.0.1", "::1", "localhost")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit code."""
    options = _parser().parse_args(arguments)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with contextlib.suppress(KeyboardInterrupt):
        return int(options.run(options))
    return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m modal_app", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    _serve_options(commands.add_parser("serve", help="serve a model on this machine"))
    _download_options(commands.add_parser("download", help="fetch the weights of a model"))
    for name, what in (
        ("bench", "what a step costs, with random weights"),
        ("load", "many clients against a running service"),
    ):
        _own_options(commands.add_parser(name, help=what), name)
    return parser


def _own_options(parser: argparse.ArgumentParser, name: str) -> None:
    """Let the module of this name add its options and run."""
    module = importlib.import_module(f"modal_app.{name}")
    module.options(parser)
    parser.set_defaults(run=module.run)


def _serve_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="stt-1b-en_fr", choices=[*ARCHS, "loopback"])
    parser.add_argument("--slots", type=int, default=64, help="streams at the same time")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--weights", type=Path, help="folder of the weights; else from the hub")
    parser.add_argument("--device", default="", help="cuda, cuda:1, cpu; default: what there is")
    parser.add_argument("--eager", action="store_true", help="no CUDA graph")
    parser.add_argument("--price-per-hour", type=float, default=0.0, help="for the cost metric")
    parser.add_argument("--idle", type=float, default=Limits().idle, help="seconds without audio")
    parser.add_argument("--grace", type=float, default=30.0, help="seconds streams have at the end")
    parser.add_argument("--no-auth", action="store_true", help="let anybody in, from anywhere")
    parser.set_defaults(run=_serve)


def _download_options(parser: argparse.ArgumentParser) -> None:
    published = [arch.name for arch in ARCHS.values() if arch.repo]
    parser.add_argument("--model", default="stt-1b-en_fr", choices=published)
    parser.add_argument("--to", type=Path, required=True, help="folder for the weights")
    parser.set_defaults(run=_download)


def _serve(options: argparse.Namespace) -> int:
    access = settings.access()
    if access.open and options.host not in LOCAL and not options.no_auth:
        print(
            "serve: anybody could come in at this address: set STT_TOKEN, or STT_KEY and"
            " STT_SECRET, or say --no-auth",
            file=sys.stderr,
        )
        return 3
    site = Site(options.host, options.port, access, options.price_per_hour, options.grace)
    hub = Hub(lambda: _model(options), limits=Limits(idle=options.idle))
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(_until_signal(hub, site))


def _model(options: argparse.Namespace) -> Model:
    """Build what steps; only here does a real model's weight in imports come in."""
    if options.model == "loopback":
        from modal_app import loopback

        return Model("loopback", loopback.Loopback(options.slots), loopback.decode)
    from modal_app import engine, weights

    loaded = weights.load(ARCHS[options.model], options.weights, device=options.device)
    return engine.model(loaded, options.slots, cuda_graph=not options.eager)


async def _until_signal(hub: Hub, site: Site) -> int:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    settle()
    async with serve(hub, site) as work:
        place = f"http://{site.host}:{site.port}"
        print(json.dumps({"listening": place, "about": LICENCE}), flush=True)
        waiting = asyncio.create_task(over.wait())
        await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        failed = work.done()
    if failed:
        print(f"serve: {work.exception()}", file=sys.stderr)
    return int(failed)


def _download(options: argparse.Namespace) -> int:
    from modal_app import weights

    folder = weights.download(ARCHS[options.model], options.to)
    print(json.dumps({"folder": str(folder), "about": LICENCE}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
