"""List the recognisers, what they can do, and whether they work here.

For example:

  transcriber engines
  transcriber engines --json
"""

from __future__ import annotations

import argparse

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON lines, for scripts")


def run(args: argparse.Namespace) -> int:
    """Print them."""
    from transcriber import app
    from transcriber.cli.screen import show_json, show_table
    from transcriber.cli.setup import configured

    found = app.list_engines(configured())
    if args.json:
        for engine in found:
            show_json(engine.as_dict())
        return 0
    rows = [
        (
            engine.info.name,
            "no" if engine.unusable else "yes",
            " ".join(engine.info.languages),
            " ".join(engine.info.models),
            ", ".join(engine.info.abilities),
            engine.info.title,
        )
        for engine in found
    ]
    show_table(("recogniser", "usable", "languages", "models", "can", "what it is"), rows)
    for engine in found:
        if engine.unusable:
            print(f"{engine.info.name} is not usable here: {engine.unusable}")
    return 0
