"""Built-in rooms, as the rest of the house sees them: a call to listen to, and events."""

from __future__ import annotations

from transcriber.connectors.sfu.call import SfuCall
from transcriber.connectors.sfu.events import RoomEvents

__all__ = ["RoomEvents", "SfuCall"]
