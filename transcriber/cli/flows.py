"""Check dialog flows, and try them out, before anybody calls.

`check` says everything that is wrong with a flow file, with file, line, key and a hint: mistakes,
states that nothing leads to, dead ends, loops that wait for nobody. `test` holds the conversations
that a script beside the flow describes. For example:

  transcriber flows check dialogs/flows
  transcriber flows check dialogs/flows/reception.yaml --diagram
  transcriber flows test dialogs/flows/reception.test.yaml
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dialogs import Rehearsal, Report

__all__ = ["add", "run"]

BAD_INPUT = 2
"""Exit code when a file cannot be used, or a conversation went wrong."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    check = verbs.add_parser("check", help="say what is wrong with flow files")
    check.add_argument("--diagram", action="store_true", help="print each flow's state diagram")
    check.set_defaults(flows=_check)
    test = verbs.add_parser("test", help="hold the conversations of scripts")
    test.add_argument("--transcript", action="store_true", help="print what was said")
    test.set_defaults(flows=_test)
    for verb in (check, test):
        verb.add_argument("paths", metavar="PATH", nargs="+", help="file, or folder of them")
        verb.add_argument("--json", action="store_true", help="print JSON lines, for scripts")


def run(args: argparse.Namespace) -> int:
    """Do it, and return 2 when something is wrong."""
    return 0 if args.flows(args) else BAD_INPUT


def _check(args: argparse.Namespace) -> bool:
    import dialogs
    from transcriber.cli.screen import show_json

    reports = dialogs.check(map(Path, args.paths))
    for report in reports:
        if args.json:
            show_json(asdict(report) | {"ok": report.ok})
        else:
            _show(report, f"{report.file}: {report.flow}, {report.states} states")
            if args.diagram and report.ok:
                print(report.mermaid)
    return all(report.ok for report in reports)


def _test(args: argparse.Namespace) -> bool:
    import dialogs
    from transcriber.cli.screen import show_json

    held = dialogs.rehearse(map(Path, args.paths))
    for rehearsal in held:
        if args.json:
            show_json(asdict(rehearsal) | {"ok": rehearsal.ok})
        else:
            _show(rehearsal, f"{rehearsal.file}: {rehearsal.name}")
            if args.transcript:
                print("\n".join(rehearsal.transcript))
    return all(rehearsal.ok for rehearsal in held)


def _show(found: Report | Rehearsal, what: str) -> None:
    for problem in found.problems:
        print(problem, file=sys.stderr)
    print(f"{'ok    ' if found.ok else 'WRONG '} {what if found.ok else found.file}")
