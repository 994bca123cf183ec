"""Server-sent events as they arrive: bytes in any portion, the data of whole events out."""

from __future__ import annotations

from transcriber.errors import EngineError

__all__ = ["Events"]

LARGEST = 1024 * 1024
"""Bytes of an event: an answer's longest piece, an argument of a tool, is far below."""


class Events:
    """One stream of them; names, ids and comments are left out, for nobody here needs them."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def push(self, data: bytes) -> list[str]:
        """Return the data of the events that are complete now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = [event for line in lines if (event := self._line(line)) is not None]
        if len(self._rest) + sum(map(len, self._data)) > LARGEST:
            raise EngineError("engine", "the answer has an event without end")
        return found

    def _line(self, line: bytes) -> str | None:
        line = line.removesuffix(b"\r")
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        if line or not self._data:
            return None
        event, self._data = b"\n".join(self._data), []
        return event.decode("utf-8", "replace")
