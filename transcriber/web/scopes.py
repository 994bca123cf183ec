"""
What a token may be allowed to do.

A scope is an area and `read` or `write`; who may write may read. `admin` is everything, and what
only administrators may do: tokens and the log of what was done.
"""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["ADMIN", "SCOPES", "allowed"]

ADMIN = "admin"
SCOPES = {
    ADMIN: "everything, tokens too",
    "rooms:read": "see rooms and who is in them",
    "rooms:write": "make and close rooms, make tokens to enter them",
    "captions:read": "read transcripts",
    "captions:write": "delete transcripts, agree to them",
    "webhooks:read": "see webhooks and their deliveries",
    "webhooks:write": "make, change and delete webhooks, send again",
    "events:read": "follow what happens, with every word that is said",
    "dialogs:read": "see dialogs",
    "dialogs:write": "start, lead and end dialogs",
    "engines:read": "see recognisers and voices",
    "metrics:read": "read metrics",
    "audit:read": "see what administrators and programs did",
}


def allowed(scope: str, scopes: Collection[str]) -> bool:
    """Whether somebody with these scopes may do what needs that one."""
    area = scope.partition(":")[0]
    return not {ADMIN, scope, f"{area}:write"}.isdisjoint(scopes)
