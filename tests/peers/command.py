"""The command line as its users run it: another process, and what it printed."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from unittest import mock

import structlog

from transcriber import cli

__all__ = ["Ran", "here", "transcriber"]

DATA = tempfile.TemporaryDirectory()
PATIENCE = 120
"""Seconds after which a command counts as stuck."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What it said on standard error."""
        return self.err.splitlines()


def transcriber(*arguments: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Ran:
    """Run it to its end."""
    ran = subprocess.run(
        [sys.executable, "-m", "transcriber", *arguments],
        input=stdin,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "DATA_DIR": DATA.name, **(env or {})},
    )
    assert ran.returncode != -signal.SIGSEGV, "it crashed"
    return Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode())


@contextlib.contextmanager
def _logs_as_before() -> Iterator[None]:
    """Commands say how this process logs; tests after them want to read what is logged."""
    root, ours = logging.getLogger(), structlog.get_config()
    level, handlers = root.level, root.handlers[:]
    try:
        yield
    finally:
        structlog.configure(**ours)
        root.setLevel(level)
        root.handlers[:] = handlers


def here(*arguments: str, env: Mapping[str, str] | None = None) -> Ran:
    """Run it in this process, where the like is done many times: starting is what takes long."""
    out, err = io.StringIO(), io.StringIO()
    with (
        _logs_as_before(),
        mock.patch.dict(os.environ, {"DATA_DIR": DATA.name, **(env or {})}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = cli.main(arguments)
    return Ran(code, out.getvalue(), err.getvalue())
