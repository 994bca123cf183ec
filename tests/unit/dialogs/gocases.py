"""Templates that Go has run, and a way to run them here."""

import json
from pathlib import Path
from typing import Any

from dialogs import gotemplate
from dialogs.gofunctions import Rune, Strings
from dialogs.program import Scope, run_all

RECORDED = Path(__file__).parents[2] / "wire" / "gotemplate.jsonl"
GIVEN, *CASES = map(json.loads, RECORDED.read_text().splitlines())


def run(source: str, event: object = None, **result: Any) -> str:
    variables = Strings(GIVEN["variables"])
    session = {"ID": "s1", "DialogName": "desk", "CurrentState": "ask", "Variables": variables}
    root = {"Variables": variables, "Event": event, "Result": result, "Session": session}
    scope = Scope({".": root, "$": root})
    run_all(gotemplate.read(source).steps, scope)
    return "".join(scope.output)


def run_case(case: dict[str, str]) -> str:
    event = Rune(ord(case["digit"])) if "digit" in case else case.get("speech")
    return run(case["template"], event, **GIVEN["result"])
