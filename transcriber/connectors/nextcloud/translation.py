"""
Translation by whatever translates in Nextcloud (`core:text2text:translate`).

Nextcloud takes tasks and does them when it gets to it, so a task is scheduled and asked for until
it is done. Apps have routes of their own for that, without the limit of a few tasks a minute that
holds for users; an older Nextcloud has only the users' ones, and then its "too many" is obeyed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Self

from transcriber.captions.languages import same_language
from transcriber.connectors.nextcloud.client import Nextcloud, Unanswered
from transcriber.errors import EngineError, EngineProblem

__all__ = ["NextcloudTranslator"]

TASK = "core:text2text:translate"
OURS = "/ocs/v2.php/taskprocessing/tasks_consumer"
USERS = "/ocs/v2.php/taskprocessing"
LOOK = (0.25, 2.0)
"""Seconds until a task is asked for the first time, and at most between two times."""
ANY = "detect_language"
"""The origin that lets the translator find out what is spoken."""
OVER = {"STATUS_SUCCESSFUL", "STATUS_FAILED", "STATUS_CANCELLED", "STATUS_UNKNOWN"}
KINDS: Mapping[int, EngineProblem] = {
    400: "bad_request",
    401: "auth",
    404: "unusable",
    412: "unusable",
    429: "busy",
    503: "busy",
}


class NextcloudTranslator:
    """Has Nextcloud translate; knows the languages that it offers."""

    name = "nextcloud"

    def __init__(self, cloud: Nextcloud) -> None:
        self._cloud = cloud
        self._origins: tuple[str, ...] = ()
        self._root = OURS

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        return None

    async def targets(self) -> Sequence[str]:
        """The languages that the installed translator offers; fails if there is none."""
        types = (await self._ask("GET", "tasktypes"))["types"]
        kind = types.get(TASK) if isinstance(types, dict) else None
        if not kind:
            raise EngineError("unusable", "nothing translates in this Nextcloud")
        try:
            languages = kind["inputShapeEnumValues"]
            self._origins = _codes(languages["origin_language"])
            return tuple(code for code in _codes(languages["target_language"]) if code != ANY)
        except (LookupError, TypeError) as error:
            raise EngineError("engine", "Nextcloud's list of languages cannot be read") from error

    async def translate(self, text: str, *, source: str, target: str) -> str:
        """Schedule a task and wait for it, as long as the caller does."""
        wanted = {
            "input": text,
            "origin_language": self._origin(source),
            "target_language": target,
        }
        body = {
            "type": TASK,
            "appId": self._cloud.identity.app_id,
            "customId": "caption",
            "input": wanted,
        }
        task, pause = (await self._ask("POST", "schedule", body))["task"], LOOK[0]
        while task["status"] not in OVER:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LOOK[1])
            task = (await self._ask("GET", f"task/{int(task['id'])}"))["task"]
        output = task.get("output")
        if task["status"] != "STATUS_SUCCESSFUL" or not isinstance(output, dict):
            raise EngineError("engine", "Nextcloud's translator failed")
        return str(output.get("output", "")).strip()

    def _origin(self, source: str) -> str:
        """What Nextcloud calls the language that is spoken."""
        if source in self._origins or not self._origins:
            return source
        near = (code for code in self._origins if same_language(code, source))
        if found := next(near, ANY if ANY in self._origins else ""):
            return found
        raise EngineError("bad_request", f"Nextcloud does not translate from {source}")

    async def _ask(self, method: str, what: str, body: Any = None) -> Any:
        try:
            answer = await self._cloud.ask(method, f"{self._root}/{what}", body)
        except Unanswered as error:
            if error.status == 404 and what == "tasktypes" and self._root == OURS:
                self._root = USERS
                return await self._ask(method, what, body)
            raise _explained(error) from error
        if not isinstance(answer, dict) or not answer.keys() & {"types", "task"}:
            raise EngineError("engine", "Nextcloud's answer cannot be read")
        return answer


def _codes(options: Any) -> tuple[str, ...]:
    return tuple(str(option["value"]) for option in options)


def _explained(error: Unanswered) -> EngineError:
    kind = KINDS.get(error.status, "network" if not error.status else "engine")
    remedy = "install an app that translates, in Nextcloud" if error.status == 412 else ""
    return EngineError(kind, str(error), remedy=remedy, retry_after=error.retry_after)
