"""Run the service.

It runs in the foreground and stops cleanly on Ctrl-C or SIGTERM. For example:

  transcriber serve
  HTTP_PORT=9000 LOG_FORMAT=json transcriber serve
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

__all__ = ["add", "run", "serve"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print the address as JSON")


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from transcriber.cli.screen import show_json

    def started(url: str) -> None:
        if args.json:
            show_json({"url": url})
        else:
            print(f"listening on {url} (Ctrl-C to stop)", flush=True)

    return serve(started)


def serve(started: Callable[[str], object]) -> int:
    """Serve until told to stop, beginning anew when settings change; `started` gets the address."""
    import asyncio
    import os

    from transcriber import app
    from transcriber.cli.setup import configured

    again = True
    while again:
        form = asyncio.run(app.ask(configured(), os.environ))
        os.environ.update(form.values)  # for our workers, too
        again = asyncio.run(app.serve(configured(), started, form))
        for name in form.values:
            del os.environ[name]
    return 0
