"""Check dialog flows, draw them, and try them out, before anybody calls.

`check` says everything that is wrong with a flow file, with file, line, key and a hint: mistakes,
states that nothing leads to, dead ends, loops that wait for nobody. `draw` prints its picture.
`test` holds the conversations that a script beside the flow describes; `run` holds one with you:
what you type is said, and lines that begin with a slash are something else, such as /keys 12#.
For example:

  transcriber flows check dialogs/flows
  transcriber flows draw dialogs/flows/reception.yaml > reception.svg
  transcriber flows test dialogs/flows/reception.test.yaml
  transcriber flows run dialogs/flows/reception.yaml
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

TYPED = """\
/keys 12#   /silence   /joined NAME   /left NAME   /event NAME KEY=VALUE ...
"""
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
    draw = verbs.add_parser("draw", help="print the picture of a flow")
    draw.add_argument("--mermaid", action="store_true", help="in mermaid's language; else SVG")
    draw.set_defaults(flows=_draw)
    hold = verbs.add_parser("run", help="hold a conversation with you", epilog=TYPED)
    hold.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="a variable to begin with"
    )
    hold.set_defaults(flows=_hold)
    for verb in (draw, hold):
        verb.add_argument("file", metavar="FILE", type=Path, help="flow file")
    for verb in (check, test):
        verb.add_argument("paths", metavar="PATH", nargs="+", help="file, or folder of them")
    for verb in (check, test, hold):
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


def _draw(args: argparse.Namespace) -> bool:
    import dialogs

    (report,) = dialogs.check([args.file])
    for problem in report.problems:
        print(problem, file=sys.stderr)
    if report.ok:
        print(report.mermaid if args.mermaid else report.svg)
    return report.ok


def _hold(args: argparse.Namespace) -> bool:
    import asyncio

    from dialogs import FlowError, read_flow
    from transcriber import app
    from transcriber.cli.setup import configured
    from transcriber.cli.typed import read, show

    try:
        flow = read_flow(args.file)
    except FlowError as error:
        print("\n".join(map(str, error.problems)), file=sys.stderr)
        return False
    variables = dict(pair.partition("=")[::2] for pair in args.set)
    asyncio.run(
        app.hold(
            flow,
            sys.stdin,
            variables=variables,
            read=read,
            tell=show(as_json=args.json),
            settings=configured(quiet=True),
        )
    )
    return True


def _show(found: Report | Rehearsal, what: str) -> None:
    for problem in found.problems:
        print(problem, file=sys.stderr)
    print(f"{'ok    ' if found.ok else 'WRONG '} {what if found.ok else found.file}")
