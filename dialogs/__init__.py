"""
Dialogs by flow files and by agents, for any host that offers a voice and a call to speak in.

    flow = Library(folder).get("reception")
    runner = Runner(Machine(flow, "ses_1"), ports)
    outcome = await runner.run()            # meanwhile: runner.post(Event("speech", {"text": ...}))

`check` and `rehearse` look at flow files without a call. What a host must offer is in `ports`.
"""

from dialogs import ports
from dialogs.agent import Agent
from dialogs.check import Report, check, check_flow
from dialogs.errors import DialogError, FlowError
from dialogs.flow import Flow
from dialogs.library import Change, Library, UnknownFlow, read_flow
from dialogs.machine import Event, Machine, Step
from dialogs.problem import Problem
from dialogs.rehearsal import Rehearsal, rehearse
from dialogs.runner import Limits, Runner
from dialogs.schema import parse

__all__ = [
    "Agent",
    "Change",
    "DialogError",
    "Event",
    "Flow",
    "FlowError",
    "Library",
    "Limits",
    "Machine",
    "Problem",
    "Rehearsal",
    "Report",
    "Runner",
    "Step",
    "UnknownFlow",
    "check",
    "check_flow",
    "parse",
    "ports",
    "read_flow",
    "rehearse",
]
