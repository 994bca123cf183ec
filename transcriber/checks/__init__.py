"""
Does what the settings name work? One check for each thing we depend on.

A check tries what the service would do, and says which setting to change. Nothing is left running.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from transcriber.checks import house, peers, speech, talk
from transcriber.checks.verdict import Verdict
from transcriber.config import Settings

__all__ = ["Verdict", "check"]


async def check(
    settings: Settings, tell: Callable[[Verdict], object], *, self_test: bool = False
) -> bool:
    """
    Try everything, and tell what came of it as it comes; true when all is well.

    With `self_test`, a known sentence also goes all the way from a call to its captions.
    """
    checks: list[Callable[[Settings], Awaitable[Verdict]]] = [
        house.store,
        *speech.engines(settings),
        speech.language,
        speech.voice,
        speech.model,
        house.dialogs,
        house.address,
        peers.traces,
        talk.signaling,
        talk.nextcloud,
        peers.translator,
        peers.identity,
        peers.nats,
        peers.stun,
        peers.turn,
        *([speech.sentence] if self_test else []),
    ]
    well = True
    for one in checks:
        verdict = await one(settings)
        tell(verdict)
        well = well and not verdict.problem
    return well
