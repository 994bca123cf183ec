"""
The command line.

Each verb is a module with `add` (its options, with examples) and `run`. The modules import what
they need when they run, so that `--help` answers at once. Whatever goes wrong on purpose ends
here, as one line on standard error and one of these exit codes:

0 done, 1 it did not work, 2 bad input or usage, 3 not configured, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from transcriber.cli import (
    check,
    demo,
    doctor,
    engines,
    flows,
    say,
    serve,
    settings,
    tokens,
    transcribe,
    webhooks,
)
from transcriber.errors import BadInput, EngineError, Misconfigured, TranscriberError

__all__ = ["main"]

DID_NOT_WORK, BAD_INPUT, NOT_CONFIGURED, INTERRUPTED = 1, 2, 3, 130
VERBS = (demo, serve, transcribe, say, check, doctor, engines, flows, tokens, webhooks, settings)

ABOUT = """\
Live captions and a voice bot for self-hosted conferences.

  transcriber demo                              rooms in the browser, here and now
  transcriber transcribe talk.mp4               what is said in a file, as text
  transcriber check                             does everything that is configured work?
  transcriber serve                             run the service
"""
CODES = """\
exit codes: 0 done, 1 it did not work, 2 bad input or usage, 3 not configured, 130 interrupted
Settings are environment variables or a file: `transcriber settings` lists them.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        args = _parser().parse_args(arguments)
        return int(args.run(args))
    except TranscriberError as error:
        return _told(error)
    except ExceptionGroup as group:  # of everything that ran already when something else failed
        if group.split(TranscriberError)[1]:
            raise
        return _told(_first(group))
    except KeyboardInterrupt:
        print("transcriber: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DID_NOT_WORK


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="transcriber", description=ABOUT, epilog=CODES, formatter_class=raw
    )
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb in VERBS:
        name = verb.__name__.rpartition(".")[2]
        about = (verb.__doc__ or "").strip()
        own = verbs.add_parser(
            name, help=about.splitlines()[0], description=about, epilog=CODES, formatter_class=raw
        )
        verb.add(own)
        own.set_defaults(run=verb.run)
    return parser


def _first(error: Exception) -> Exception:
    return _first(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error


def _told(error: Exception) -> int:
    for problem in getattr(error, "problems", [error]):
        print(f"transcriber: {problem}", file=sys.stderr)
    return _code(error)


def _code(error: Exception) -> int:
    match error:
        case BadInput() | EngineError(kind="bad_request"):
            return BAD_INPUT
        case Misconfigured() | EngineError(kind="unusable"):
            return NOT_CONFIGURED
    return DID_NOT_WORK
