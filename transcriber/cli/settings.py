"""List the settings: names, values, where each comes from.

Values are taken from the environment, then NAME_FILE (for secrets), then the YAML file that
TRANSCRIBER_CONFIG names, then the default. Secrets are not shown. For example:

  transcriber settings
  transcriber settings --markdown        the table of the README
"""

from __future__ import annotations

import argparse

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON lines, for scripts")
    form.add_argument("--markdown", action="store_true", help="print the documentation's table")


def run(args: argparse.Namespace) -> int:
    """Print them."""
    from transcriber import config
    from transcriber.cli.screen import show_json, show_table
    from transcriber.cli.setup import configured

    if args.markdown:
        print(config.markdown())
        return 0
    settings = configured()
    rows = [(one, settings.shown(one), settings.origins[one.name]) for one in config.table()]
    if args.json:
        for one, value, origin in rows:
            show_json({"name": one.name, "value": value, "origin": origin} | {"part": one.part})
    else:
        show_table(
            ("setting", "value", "from", "what it is"),
            [(one.name, value, origin, one.description) for one, value, origin in rows],
        )
    return 0
