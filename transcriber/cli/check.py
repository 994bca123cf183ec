"""Validate the settings and try everything they name.

Says for each what works and what does not, which setting is to blame and what to do.
For example:

  transcriber check
  transcriber check --self-test
  ASR_BACKEND=local LOCAL_MODEL_DIR=/models/moonshine transcriber check
"""

from __future__ import annotations

import argparse

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON lines, for scripts")
    parser.add_argument("--self-test", action="store_true", help="have a known sentence heard, too")


def run(args: argparse.Namespace) -> int:
    """Check, and return 3 when something has to be configured."""
    import asyncio
    from dataclasses import asdict

    from transcriber.checks import Verdict, check
    from transcriber.cli.screen import show_json
    from transcriber.cli.setup import configured

    def tell(verdict: Verdict) -> None:
        if args.json:
            show_json(asdict(verdict) | {"ok": not verdict.problem})
        elif verdict.problem:
            print(f"WRONG  {verdict.what}: {verdict.setting}: {verdict.problem}")
        else:
            print(f"ok     {verdict.what}")

    checking = check(configured(quiet=True), tell, self_test=args.self_test)
    return 0 if asyncio.run(checking) else 3
