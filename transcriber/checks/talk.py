"""Talk: Nextcloud, and the backend that carries its calls."""

from __future__ import annotations

from transcriber.app.home import asking
from transcriber.app.nextcloud import signaling as server_of
from transcriber.checks.peers import reach
from transcriber.checks.verdict import Verdict
from transcriber.config import Settings
from transcriber.connectors.nextcloud import Unanswered
from transcriber.connectors.talk.greeting import greet
from transcriber.errors import Misconfigured

__all__ = ["nextcloud", "signaling"]

UNAUTHORISED = 401


async def signaling(settings: Settings) -> Verdict:
    """The backend says who it is to everybody; whether it lets us in shows when we come."""
    url, verify = settings.talk.url, not settings.talk.skip_verify
    welcome = f"{url.rstrip('/')}/api/v1/welcome"
    verdict = await reach("Talk's backend", "LT_HPB_URL", url, welcome, verify=verify)
    if not url or verdict.problem:
        return verdict
    try:
        await greet(server_of(settings))
    except Misconfigured as error:
        return Verdict(verdict.what, error.setting, str(error))
    return verdict


async def nextcloud(settings: Settings) -> Verdict:
    """It says who it is to everybody, and to its apps whether they are enabled."""
    url, verify = settings.nextcloud.url, not settings.talk.skip_verify
    status = f"{url.rstrip('/').removesuffix('/index.php')}/status.php"
    verdict = await reach("Nextcloud", "NEXTCLOUD_URL", url, status, verify=verify)
    if verdict.problem:
        return verdict
    try:
        async with asking(settings) as home:
            if home:
                await home.enabled()
    except Misconfigured as error:
        return Verdict(f"{verdict.what}, with APP_ID", error.setting, str(error))
    except Unanswered as error:
        setting = "APP_SECRET" if error.status == UNAUTHORISED else "NEXTCLOUD_URL"
        return Verdict(verdict.what, setting, str(error))
    return verdict
