"""Dialogs over HTTP: which there are, and the conversations that are held."""

from transcriber.web.dialogs.rest import DialogApi
from transcriber.web.dialogs.socket import DialogSocket

__all__ = ["DialogApi", "DialogSocket"]
