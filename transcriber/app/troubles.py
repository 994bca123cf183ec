"""What administrators should know: what went wrong lately, and what is set wrongly."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from transcriber.app.house import House
from transcriber.bus.memory import Bus
from transcriber.connectors.nextcloud.admin import Level
from transcriber.events import ErrorHappened

__all__ = ["Trouble", "Troubles", "of_settings"]

LATELY = 3_600.0
"""Seconds for which something is shown after it happened last."""
MOST = 50
"""Kinds of trouble that are remembered."""
GRAVE = (
    "call_encrypted",
    "misconfigured",
    "signaling_lost",
    "signaling_refused",
    "store_failed",
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One kind: how often it happened, and when last."""

    level: Level
    text: str
    times: int = 1
    last: float = 0.0

    @property
    def shown(self) -> str:
        """What the administrator reads."""
        return f"{self.text} (seen {self.times} times in the last hour)" if self.last else self.text


class Troubles:
    """Remembers what went wrong, by its code."""

    def __init__(self, bus: Bus, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._found: dict[str, Trouble] = {}
        self._end = bus.subscribe(ErrorHappened, self._happened)

    def close(self) -> None:
        """Look no more."""
        self._end()

    def lately(self) -> dict[str, Trouble]:
        """Return what went wrong in the last hour."""
        since = self._now() - LATELY
        self._found = {code: one for code, one in self._found.items() if one.last >= since}
        return dict(self._found)

    def _happened(self, event: ErrorHappened) -> None:
        code, now = event.data.code, self._now()
        known = self.lately().get(code)
        if known:
            self._found[code] = replace(
                known, text=event.data.message, times=known.times + 1, last=now
            )
        elif len(self._found) < MOST:
            level: Level = "error" if code in GRAVE else "warning"
            self._found[code] = Trouble(level, event.data.message, last=now)


def of_settings(house: House) -> Mapping[str, Trouble]:
    """Return what cannot go right as it is set."""
    found: dict[str, Trouble] = {}
    if problem := house.stt.unusable():
        found["recogniser"] = Trouble("error", f"Nothing can be recognised: {problem}")
    if house.settings.talk.skip_verify:
        text = "SKIP_CERT_VERIFY is on: anybody between us and the backend can listen"
        found["certificates"] = Trouble("warning", text)
    for problem_ in house.form.problems:
        text = f"A value in the settings form does not count: {problem_}"
        found[f"form_{problem_.setting.lower()}"] = Trouble("warning", text)
    return found
