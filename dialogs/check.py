"""
All that can be said about flow files before anybody calls: for `transcriber flows check` and CI.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dialogs import diagram
from dialogs.analysis import analyse
from dialogs.errors import FlowError
from dialogs.flow import Flow
from dialogs.library import flow_files, read_flow
from dialogs.problem import Problem

__all__ = ["Report", "check", "check_flow"]


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to say about one file; the pictures are empty when it cannot be used."""

    file: str
    flow: str = ""
    states: int = 0
    problems: tuple[Problem, ...] = ()
    mermaid: str = ""
    svg: str = ""

    @property
    def ok(self) -> bool:
        """Whether it can be used; warnings do not matter for that."""
        return not any(problem.severity == "error" for problem in self.problems)


def check(paths: Iterable[Path]) -> list[Report]:
    """Look at files, and at all flows in folders; a path that does not exist is a problem too."""
    names: dict[str, str] = {}
    return [_check_file(file, names) for file in flow_files(paths)]


def check_flow(flow: Flow) -> Report:
    """Look at a flow that was read already."""
    problems = tuple(analyse(flow))
    pictures = diagram.mermaid(flow), diagram.svg(flow)
    return Report(flow.file, flow.name, len(flow.states), problems, *pictures)


def _check_file(file: Path, names: dict[str, str]) -> Report:
    try:
        flow = read_flow(file)
    except FlowError as error:
        return Report(str(file), problems=error.problems)
    report = check_flow(flow)
    if (other := names.setdefault(flow.name, flow.file)) != flow.file:
        message = f"the name {flow.name!r} is taken by {other}"
        taken = Problem("error", flow.file, 1, "name", message)
        return Report(flow.file, flow.name, report.states, (taken, *report.problems))
    return report
