"""A dialog at a terminal: what the lines mean that are typed, and how it looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from transcriber.cli.screen import show_json

if TYPE_CHECKING:
    from dialogs import Event

__all__ = ["read", "show"]

HIDDEN = ("tts.started", "tts.completed", "dialog.started")
"""What is not told: it is seen from what is said."""


def read(line: str) -> Iterable[Event]:
    """Make events of a line; one that means nothing is told, and nothing happens."""
    from dialogs import Event

    command, _, rest = line.strip().partition(" ")
    match command, rest.split():
        case "", _:
            return []
        case "/keys", [keys]:
            return [Event("dtmf", {"digit": key}) for key in keys]
        case "/silence", []:
            return [Event("silence")]
        case (("/joined" | "/left"), [*names]):
            return [Event(command[1:], {"person": " ".join(names)})]
        case "/event", [name, *pairs]:
            return [Event(f"custom.{name}", dict(pair.partition("=")[::2] for pair in pairs))]
    if command.startswith("/"):
        print(f"{line.strip()}: see `transcriber flows run --help`", file=sys.stderr)
        return []
    return [Event("speech", {"text": line.strip(), "person": ""})]


def show(*, as_json: bool) -> Callable[[str, Mapping[str, object]], None]:
    """Make what is told what happens in a dialog, and shows it."""

    def tell(name: str, data: Mapping[str, object]) -> None:
        if as_json:
            show_json({"type": name, **data})
        elif name not in HIDDEN:
            print(_line(name, data), flush=True)

    return tell


def _line(name: str, data: Mapping[str, object]) -> str:
    match name, data:
        case "action.executed", {"action_type": "play_tts", "params": {"text": text}}:
            return str(text)
        case "action.executed", {"action_type": str(what), "params": dict(params)}:
            return f"  [{what}{_pairs(params)}]"
        case "dialog.happened", {"event": str(what), "params": dict(params)}:
            return f"  ({what}{_pairs(params)})"
        case "state.transition", {"to_state": str(state)}:
            return f"  -> {state}"
    return f"  [{name}{_pairs(data)}]"


def _pairs(data: Mapping[str, object]) -> str:
    return "".join(f" {name}={value}" for name, value in data.items())
