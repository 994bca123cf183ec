"""What happens, as it happens: over server-sent events and WebSockets."""

from transcriber.web.events.live import Live, Memory

__all__ = ["Live", "Memory"]
