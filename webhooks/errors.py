"""
What can go wrong with webhooks, by who can do something about it.

* WebhookError
    * Unverified      a request is not what its signature says; trying again cannot help
    * BadUrl          an address cannot be a webhook's; whoever set it must change it
    * Unknown         there is no such endpoint or delivery
    * Conflict        somebody else changed the endpoint meanwhile; read it again
    * StoreError      nothing was kept; `retryable`, because disks get space and servers come back
        * StoreFull   the disk is full

`Refused` is an `OSError`, so that HTTP clients treat a forbidden address as one that cannot be
reached.
"""

from __future__ import annotations

__all__ = [
    "BadUrl",
    "Conflict",
    "Refused",
    "StoreError",
    "StoreFull",
    "Unknown",
    "Unverified",
    "WebhookError",
]


class WebhookError(Exception):
    """Base class of everything this library raises on purpose."""

    retryable = False


class Unverified(WebhookError):
    """A request was not signed by us, not recently, or was changed on its way."""


class BadUrl(WebhookError):
    """An address that can never be delivered to."""


class Unknown(WebhookError):
    """There is no endpoint or delivery with this id."""


class Conflict(WebhookError):
    """The endpoint has another version than the one that was to be changed."""


class StoreError(WebhookError):
    """The store did not keep what it was given."""

    retryable = True


class StoreFull(StoreError):
    """The store did not keep what it was given, because the disk is full."""


class Refused(OSError):
    """An address that must not be connected to."""
