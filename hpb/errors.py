"""
What can go wrong with the signaling server.

* HpbError
    * Refused       the server said no; trying again cannot help before something is changed
    * LockedOut     too many failures from our address; trying again helps after minutes, and
                    makes it worse before
    * Lost          the connection broke, went silent or was closed; reconnect and resume
        * Unanswered    it ended before our greeting was answered, which is also how a server
                        that throttles us looks: reconnect, but slowly
    * Congested     too much waits to be sent; trying later helps
    * TooBig        a message the server would close the connection for; make it smaller
"""

from __future__ import annotations

__all__ = ["Congested", "HpbError", "LockedOut", "Lost", "Refused", "TooBig", "Unanswered"]


class HpbError(Exception):
    """Base class of everything this package raises."""


class Refused(HpbError):
    """The server rejected us; `code` is its own word for why. Trying again cannot help."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code


class LockedOut(HpbError):
    """Too many wrong greetings came from our address; only waiting for minutes helps."""


class Lost(HpbError):
    """The connection is gone; the session may still be resumable."""


class Unanswered(Lost):
    """The connection ended before the server answered our greeting."""


class Congested(HpbError):
    """The outbox stayed full; the caller may drop the message or try later."""


class TooBig(HpbError):
    """The message is larger than the server reads; nothing was sent."""
