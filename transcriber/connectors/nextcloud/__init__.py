"""Nextcloud as an ExApp may call it; each module is one thing to ask of it."""

from transcriber.connectors.nextcloud.client import Identity, Nextcloud, Unanswered, credentials
from transcriber.connectors.nextcloud.options import AppApiOptions

__all__ = ["AppApiOptions", "Identity", "Nextcloud", "Unanswered", "credentials"]
