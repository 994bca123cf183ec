"""
Signing in to the console with the identity provider, by OpenID Connect's code and PKCE.

We send the browser to the provider, which sends it back with a code; that we redeem for a token
that says who it is. What ties both ends together (state, nonce, PKCE's verifier) is made up for
each try and waits in a cookie of that browser alone, so any instance may finish what another began,
and a code that somebody else brings is worth nothing. Whatever goes wrong, the console says it.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlencode

import structlog
from aiohttp import web

from transcriber.web.auth import CALLER, Caller
from transcriber.web.oidc.identities import Identities
from transcriber.web.oidc.provider import AWAY, Provider
from transcriber.web.problems import ProblemError
from transcriber.web.routes import PUBLIC, Route
from transcriber.web.sessions import Place, Sessions

__all__ = ["SignIn", "Us"]

COOKIE = "transcriber_sign_in"
LONG = 600
"""Seconds that somebody has to sign in at the provider."""
PARTS = 3
LONGEST = 2048
"""Characters of a code."""
SCOPES = "openid profile email"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Us:
    """Who we are to the provider, and where browsers find the console."""

    client: str
    secret: str
    console: str

    @property
    def place(self) -> Place:
        """What our cookies are for."""
        address = self.console.removesuffix("console")
        path = "/" + address.partition("://")[2].partition("/")[2]
        return Place(path, secure=self.console.startswith("https:"))

    @property
    def back(self) -> str:
        """Where the provider sends people."""
        return f"{self.console}/signed-in"


class SignIn:
    """Two addresses: one leads to the provider, the provider leads to the other."""

    def __init__(
        self,
        provider: Provider,
        people: Identities,
        programs: Identities,
        sessions: Sessions,
        us: Us,
    ) -> None:
        """`people` are known by tokens made for us as a client, `programs` by those for our API."""
        self._provider, self._people, self._programs = provider, people, programs
        self._sessions, self._us = sessions, us

    def routes(self) -> list[Route]:
        """What browsers are sent to."""
        html = "text/html"
        return [
            Route("GET", "/api/v1/sign-in", self._leave, PUBLIC, "Sign in", answers=html),
            Route("GET", "/console/signed-in", self._arrive, PUBLIC, "Signed in", answers=html),
        ]

    async def _leave(self, request: web.Request) -> web.Response:
        try:
            about = await self._provider.about()
        except ProblemError:
            return self._back("away")
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(PARTS))
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code",
            "client_id": self._us.client,
            "redirect_uri": self._us.back,
            "scope": SCOPES,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        sign = "&" if "?" in about.authorization_endpoint else "?"
        answer = _sent(f"{about.authorization_endpoint}{sign}{urlencode(asked)}")
        answer.set_cookie(
            COOKIE, f"{state}.{nonce}.{verifier}", max_age=LONG, path=self._us.place.path,
            secure=self._us.place.secure, httponly=True, samesite="Lax",
        )  # fmt: skip
        return answer

    async def _arrive(self, request: web.Request) -> web.Response:
        kept = [part for part in request.cookies.get(COOKIE, "").split(".") if part]
        given = request.query.get("state", "")
        if len(kept) != PARTS or not hmac.compare_digest(given.encode(), kept[0].encode()):
            return self._back("expired")
        code = request.query.get("code", "")
        if not 0 < len(code) <= LONGEST:
            return self._back("refused")
        try:
            caller = await self._redeem(code, nonce=kept[1], verifier=kept[2])
        except (ProblemError, *AWAY) as error:
            log.warning("the provider does not redeem a code", problem=type(error).__name__)
            return self._back("away")
        if caller is None or not caller.scopes:
            return self._back("refused")
        request[CALLER] = caller
        answer = self._back()
        await self._sessions.begin(answer, caller)
        return answer

    async def _redeem(self, code: str, *, nonce: str, verifier: str) -> Caller | None:
        """Return who has signed in; what they may stands in one of two tokens, or in both."""
        form: Mapping[str, str] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._us.back,
            "code_verifier": verifier,
        }
        tokens = await self._provider.redeem(form, self._us.client, self._us.secret)
        person = await self._people.find(tokens.id_token, nonce=nonce)
        program = await self._programs.find(tokens.access_token)
        if person and program and person.id == program.id:
            return Caller(person.id, person.name, person.scopes | program.scopes)
        return person

    def _back(self, problem: str = "") -> web.Response:
        answer = _sent(self._us.console + (f"#sign-in/{problem}" if problem else ""))
        answer.del_cookie(COOKIE, path=self._us.place.path)
        return answer


def _sent(place: str) -> web.Response:
    return web.Response(status=302, headers={"Location": place})
