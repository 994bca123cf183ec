"""Webhooks that arrive: at least once, in order, signed, and never inside the network."""

from webhooks.guard import guarded_client
from webhooks.models import Endpoint, Message, Secret
from webhooks.signature import new_secret, sign, verify
from webhooks.store import Store, open_store
from webhooks.worker import Worker

__all__ = [
    "Endpoint",
    "Message",
    "Secret",
    "Store",
    "Worker",
    "guarded_client",
    "new_secret",
    "open_store",
    "sign",
    "verify",
]
