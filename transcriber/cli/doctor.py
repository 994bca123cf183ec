"""Collect what a maintainer asks for: versions, settings, checks, health, metrics, the log's end.

One JSON file, without secrets and without what people said; look at it before you send it. Start it
with the settings of the service, while that runs. For example:

  transcriber doctor
  transcriber doctor --output /tmp/report.json
"""

from __future__ import annotations

import argparse

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--output", metavar="FILE", help="where to write it, instead of printing")
    parser.add_argument("--json", action="store_true", help="say where it is as JSON, too")


def run(args: argparse.Namespace) -> int:
    """Collect, whatever works and whatever does not."""
    import asyncio
    from pathlib import Path

    from transcriber.cli.screen import show_json
    from transcriber.cli.setup import configured
    from transcriber.doctor import examine
    from transcriber.errors import BadInput

    settings = configured()
    if not args.output:
        print(asyncio.run(examine(settings)))
        return 0
    try:
        with Path(args.output).open("w", encoding="utf-8") as file:
            file.write(asyncio.run(examine(settings)))
    except OSError as error:
        raise BadInput(f"{args.output} cannot be written: {error.strerror}") from error
    if args.json:
        show_json({"report": args.output})
    else:
        print(args.output)
    return 0
