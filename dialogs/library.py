"""
The flows of a folder, kept up to date while conversations run.

A changed file is read again; when it is broken, the flow that was there stays and everybody is told
what is wrong. A conversation holds the flow it began with, so it never notices. This is the only
place in the library that reads files, and it reads them away from the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from dialogs import schema
from dialogs.errors import DialogError, FlowError
from dialogs.flow import Flow
from dialogs.problem import Problem, did_you_mean

__all__ = ["Change", "Library", "UnknownFlow", "flow_files", "read_flow"]

log = structlog.get_logger(__name__)

ENDINGS = (".yaml", ".yml")
SCRIPT = ".test"
"""What stands before the ending of a scripted test: such a file is no flow."""


class UnknownFlow(DialogError):
    """There is no flow of that name; trying again cannot help."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a file: a flow was `loaded` or `removed`, or it is `broken` and why."""

    kind: str
    file: str
    flow: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    stamp: tuple[int, int, int]
    flow: Flow | None
    problems: tuple[Problem, ...] = ()


def flow_files(paths: Iterable[Path]) -> Iterator[Path]:
    """List the flow files among these files and folders; folders are not searched deeper."""
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in inside:
            if not path.is_dir() or (file.suffix in ENDINGS and not file.stem.endswith(SCRIPT)):
                yield file


def read_flow(path: Path, *, name: str | None = None) -> Flow:
    """Read a flow; `name` stands in messages. Raises `FlowError`, also when there is no file."""
    shown = name or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FlowError([Problem("error", shown, 0, "", error.strerror or str(error))]) from None
    except UnicodeDecodeError:
        raise FlowError([Problem("error", shown, 0, "", "is not UTF-8")]) from None
    return schema.parse(text, file=shown)


class Library:
    """All flows of a folder, by name. Reads once when made; `watch` keeps it up to date."""

    def __init__(self, folder: Path, *, report: Callable[[Change], None] | None = None) -> None:
        self._folder = folder
        self._report = report or (lambda change: None)
        self._files: dict[Path, _Known] = {}
        self._flows: Mapping[str, Flow] = {}
        self.refresh()

    @property
    def flows(self) -> Mapping[str, Flow]:
        """What there is now."""
        return self._flows

    @property
    def broken(self) -> Mapping[str, tuple[Problem, ...]]:
        """Files that cannot be used as they are now, and why."""
        return {file.name: known.problems for file, known in self._files.items() if known.problems}

    def get(self, name: str) -> Flow:
        """Give the newest version that works; raises `UnknownFlow`."""
        if flow := self._flows.get(name):
            return flow
        raise UnknownFlow(f"there is no dialog {name!r}; {did_you_mean(name, self._flows)}")

    async def watch(self, *, every: float = 1.0) -> None:
        """Look for changes until cancelled."""
        while True:
            await asyncio.sleep(every)
            for change in await asyncio.to_thread(self._look):
                self._tell(change)

    def refresh(self) -> list[Change]:
        """Look for changes now."""
        changes = self._look()
        for change in changes:
            self._tell(change)
        return changes

    def _look(self) -> list[Change]:
        found = list(flow_files([self._folder])) if self._folder.is_dir() else []
        files = {file: self._files[file] for file in found if file in self._files}
        changes = []
        for gone in self._files.keys() - files.keys():
            if flow := self._files[gone].flow:
                changes.append(Change("removed", gone.name, flow.name))
        for file in found:
            stamp = _stamp(file)
            if file not in files or files[file].stamp != stamp:
                files[file], change = self._read(file, stamp, files)
                changes.append(change)
        self._files = files
        self._flows = {known.flow.name: known.flow for known in files.values() if known.flow}
        return changes

    def _read(
        self, file: Path, stamp: tuple[int, int, int], files: Mapping[Path, _Known]
    ) -> tuple[_Known, Change]:
        before = files[file].flow if file in files else None
        try:
            flow = read_flow(file, name=file.name)
            _alone(flow, [one.flow for path, one in files.items() if path != file and one.flow])
        except FlowError as error:
            return _Known(stamp, before, error.problems), Change(
                "broken", file.name, before.name if before else "", error.problems
            )
        return _Known(stamp, flow), Change("loaded", file.name, flow.name)

    def _tell(self, change: Change) -> None:
        if change.kind == "broken":
            first = str(change.problems[0])
            log.warning("flow broken", file=change.file, kept=change.flow, problem=first)
        else:
            log.info("flow changed", file=change.file, flow=change.flow, now=change.kind)
        self._report(change)


def _stamp(file: Path) -> tuple[int, int, int]:
    try:
        status = file.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _alone(flow: Flow, others: Iterable[Flow]) -> None:
    """Refuse a name that another file has: one of the two would never be used."""
    for other in others:
        if other.name == flow.name:
            message = f"the name {flow.name!r} is taken by {other.file}"
            raise FlowError([Problem("error", flow.file, 1, "name", message)])
