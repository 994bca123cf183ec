"""
The API as a whole: who may call what, and that it does what its description says.

The cases are made of the description, which is made of the routes: a new route is tried too.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.fakes.oidc import AUDIENCE, IdentityProvider, Signer, claims
from tests.peers.service import service
from tests.peers.test_web import TOKEN
from transcriber.ids import new_id
from transcriber.web.rooms.tokens import GRANTS
from transcriber.web.scopes import SCOPES, allowed

FLOWS = Path(__file__).parents[2] / "dialogs" / "flows"
SETTINGS = {
    # An engine that cannot be used: nothing here is about speech, and the self-test ends at once.
    "ASR_BACKEND": "deepgram", "API_RATE": "100000", "DIALOG_DIR": str(FLOWS), "WORKERS": "0",
    "ROOMS_OPEN": "true",
}  # fmt: skip
ROOMS = ("/api/v1/rooms/{room_id}",)
"""What would close the room that the others need."""
PART = re.compile(r"\{\w+\}")
STREAMS = ("/api/v1/events", "/api/v1/console/stream")
"""Answers that do not end."""


@dataclass
class Api:
    """The running service, its routes, and who could call."""

    http: aiohttp.ClientSession
    routes: list[tuple[str, str, dict[str, list[str]]]]
    provider: IdentityProvider
    room: str = ""
    made: dict[tuple[str, ...], str] = field(default_factory=dict)

    async def token(self, *scopes: str, **wanted: Any) -> str:
        """Make a token, or take the one that allows the same."""
        if not wanted and scopes in self.made:
            return self.made[scopes]
        made = await self.post("/api/v1/tokens", {"name": "case", "scopes": scopes} | wanted)
        return self.made.setdefault((*scopes, *wanted), made["token"])

    async def room_token(self, *grants: str, room: str = "") -> str:
        path, wish = f"/api/v1/rooms/{room or self.room}/tokens", {"grants": grants}
        token: str = (await self.post(path, wish))["token"]
        return token

    async def post(self, path: str, wish: Any) -> dict[str, Any]:
        async with self.http.post(path, json=wish, headers=TOKEN) as answer:
            assert answer.status < 300, await answer.text()
            made: dict[str, Any] = await answer.json()
            return made

    async def ask(self, method: str, path: str, token: str) -> int:
        room = "x" if path in ROOMS and method == "DELETE" else self.room
        place = PART.sub("x", path.replace("{room_id}", room))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with asyncio.timeout(20), self.http.request(method, place, headers=headers) as answer:
            return answer.status


@asynccontextmanager
async def running() -> AsyncIterator[Api]:
    provider = IdentityProvider(Signer("k1"))
    async with (
        provider.at() as issuer,
        service(env=SETTINGS | {"OIDC_ISSUER": issuer, "OIDC_AUDIENCE": AUDIENCE}) as (http, _),
    ):
        async with http.get("/api/v1/openapi.json") as answer:
            paths = (await answer.json())["paths"]
        routes = [
            (method.upper(), path, dict(pair for one in call["security"] for pair in one.items()))
            for path, methods in paths.items()
            for method, call in methods.items()
        ]
        api = Api(http, routes, provider)
        api.room = (await api.post("/api/v1/rooms", {}))["id"]
        yield api


async def strangers(api: Api) -> dict[str, str]:
    """Tokens that are worth nothing anywhere."""
    whole = await api.token("admin", name="whole")
    revoked = await api.token("admin", name="revoked")
    await api.ask("DELETE", f"/api/v1/tokens/{revoked.rpartition('_')[0][:36]}", "s3cret")
    expired = await api.token("admin", expires_in=1)
    other = (await api.post("/api/v1/rooms", {}))["id"]
    await asyncio.sleep(1.1)
    return {
        "none": "",
        "made up": f"{new_id('tok')}_{'x' * 43}",
        "changed": whole[:-8] + "xxxxxxxx",
        "cut": whole[:-1],
        "revoked": revoked,
        "expired": expired,
        "of a stranger": Signer("k1").sign(claims(api.provider.issuer, scope="transcriber:admin")),
        "for somebody else": api.provider.token("transcriber:admin", aud="mail"),
        "of another room": await api.room_token(*GRANTS, room=other),
        "signed, expired": api.provider.token("transcriber:admin", exp=1),
    }


async def known(api: Api, kind: str, scope: str) -> list[tuple[str, str]]:
    """Tokens that do not suffice, each with one that does."""
    if kind == "room_token":
        return [(await api.room_token("join"), await api.room_token("join", scope))]
    others = [other for other in SCOPES if not allowed(scope, [other])]
    signed = [
        api.provider.token(*(f"transcriber:{one}" for one in may)) for may in (others, [scope])
    ]
    return [(await api.token(*others), await api.token(scope)), (signed[0], signed[1])]


def fits(status: int, expected: int) -> bool:
    """Whether a caller was refused as expected, or, with 0, was not."""
    return status == expected if expected else status not in {401, 403}


async def test_every_route_lets_in_exactly_those_who_may() -> None:
    wrong, cases = [], 0
    async with running() as api:
        nobody, inside = await strangers(api), await api.room_token(*GRANTS)
        for method, path, security in api.routes:
            tried = [(name, token, 401 if security else 0) for name, token in nobody.items()]
            if security and "room_token" not in security:
                tried.append(("of the room", inside, 401))
            for kind, (scope,) in security.items():
                for lacking, right in await known(api, kind, scope):
                    tried += [("not enough", lacking, 403), ("right", right, 0)]
            for name, token, expected in tried:
                cases += 1
                if not fits(status := await api.ask(method, path, token), expected):
                    wrong.append(f"{method} {path}, token {name}: {status}")
    assert not wrong, "\n".join(wrong)
    assert cases >= 500


async def test_whatever_is_asked_the_answers_are_as_described(tmp_path: Path) -> None:
    async with running() as api:
        checks = "not_a_server_error,status_code_conformance,content_type_conformance"
        sockets = [path for _, path, _ in api.routes if path.endswith("/ws")]
        left_out = [f"--exclude-path={path}" for path in ("/ready", *STREAMS, *sockets)]
        process = await asyncio.create_subprocess_exec(
            *(Path(sys.executable).parent / "schemathesis", "run"),
            f"{api.http._base_url}/api/v1/openapi.json",
            *("--header", f"Authorization: {TOKEN['Authorization']}"),
            *("--checks", f"{checks},response_schema_conformance,response_headers_conformance"),
            *("--phases", "coverage,fuzzing", "--max-examples", "3", "--seed", "1"),
            *("--suppress-health-check", "all", "--request-timeout", "60", "--no-color"),
            *left_out,
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
