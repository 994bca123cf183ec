"""Tokens of an identity provider, from its server to ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.fakes.oidc import AUDIENCE, IdentityProvider, Signer
from tests.peers.service import service
from tests.peers.test_web import TOKEN
from tests.ports import free_port
from transcriber.web.oidc.claims import Rules
from transcriber.web.oidc.identities import Identities
from transcriber.web.oidc.provider import AGAIN, HELD, RENEWED, Provider
from transcriber.web.problems import ProblemError


class Town:
    """A provider, what knows its callers, and a clock."""

    def __init__(self, provider: IdentityProvider) -> None:
        self.provider, self.now, self.path = provider, 0.0, ""

    @asynccontextmanager
    async def living(self) -> AsyncIterator[Identities]:
        async with (
            self.provider.at() as issuer,
            Provider(issuer + self.path, lambda: self.now) as known,
        ):
            yield Identities(known, Rules(issuer, AUDIENCE))


async def test_each_kind_of_key_is_known_and_asked_for_once() -> None:
    town = Town(IdentityProvider())
    async with town.living() as identities:
        for number, algorithm in enumerate(("RS256", "ES256", "EdDSA")):
            town.provider.signers.append(Signer(f"k{number}", algorithm))
        for signer in list(town.provider.signers):
            town.provider.signers.append(signer)
            caller = await identities.find(town.provider.token("transcriber:rooms:read"))
            assert caller
            assert caller.may("rooms:read")
    assert town.provider.asked == 1


async def test_a_new_key_counts_soon_and_a_withdrawn_one_not_for_long() -> None:
    town = Town(IdentityProvider(Signer("old")))
    async with town.living() as identities:
        old = town.provider.token()
        assert await identities.find(old)
        town.provider.signers.append(Signer("new"))
        new = town.provider.token()
        assert await identities.find(new) is None  # it was asked a moment ago
        town.now += AGAIN
        assert await identities.find(new)
        assert await identities.find(old)
        del town.provider.signers[0]
        town.now += RENEWED
        assert await identities.find(new)
        assert await identities.find(old) is None


async def test_made_up_keys_do_not_make_us_ask_more_often() -> None:
    town = Town(IdentityProvider(Signer("k1")))
    async with town.living() as identities:
        for number in range(50):
            town.now += AGAIN / 10
            token = Signer("k1").sign({}, kid=f"made up {number}")
            assert await identities.find(token) is None
    assert town.provider.asked <= 6


async def test_while_the_provider_is_away_what_it_said_holds_for_a_day() -> None:
    town = Town(IdentityProvider(Signer("k1")))
    async with town.living() as identities:
        token = town.provider.token()
        assert await identities.find(token)
        town.provider.named = "https://id.example.org"
        town.now += HELD - 1
        assert await identities.find(token)
        town.now += HELD
        with pytest.raises(ProblemError) as refusal:
            await identities.find(token)
    assert refusal.value.problem.status == 503


@pytest.mark.parametrize("fault", ["another name", "too much", "away"])
async def test_a_provider_that_is_not_what_it_should_be_is_not_believed(fault: str) -> None:
    town = Town(IdentityProvider(Signer("k1")))
    if fault == "another name":
        town.provider.named = "https://id.example.org"
    if fault == "too much":
        town.provider.padding = "x" * (1 << 19)
    if fault == "away":
        town.path = "/nowhere"
    async with town.living() as identities:
        with pytest.raises(ProblemError) as refusal:
            await identities.find(town.provider.token())
    assert refusal.value.problem.status == 503


async def test_the_service_lets_them_do_what_the_provider_says() -> None:
    provider = IdentityProvider(Signer("k1"))
    async with provider.at() as issuer:
        env = {"OIDC_ISSUER": issuer, "OIDC_AUDIENCE": AUDIENCE, "OIDC_ADMINS": "bosses"}
        async with service(env=env | {"WORKERS": "0"}) as (http, _):
            reader = provider.token("transcriber:rooms:read")
            boss = provider.token("bosses", preferred_username="ann")
            late = provider.token("bosses", exp=1)
            assert await asked(http, "/api/v1/rooms", reader) == 200
            assert await asked(http, "/api/v1/tokens", reader) == 403
            assert await asked(http, "/api/v1/tokens", boss) == 200
            assert await asked(http, "/api/v1/tokens", late) == 401
            assert await asked(http, "/api/v1/tokens", TOKEN["Authorization"][7:]) == 200
            wish = {"name": "ci", "scopes": ["rooms:read"]}
            headers = {"Authorization": f"Bearer {boss}"}
            async with http.post("/api/v1/tokens", json=wish, headers=headers) as answer:
                assert (await answer.json())["created_by"] == "oidc/u1"


async def asked(http: aiohttp.ClientSession, path: str, token: str) -> int:
    async with http.get(path, headers={"Authorization": f"Bearer {token}"}) as answer:
        return answer.status


class Desk:
    """The service, a provider, and a browser without pages."""

    def __init__(
        self, http: aiohttp.ClientSession, provider: IdentityProvider, console: str
    ) -> None:
        self.http, self.provider, self.console = http, provider, console

    async def sign_in(self) -> str:
        """Follow where we are sent, to the end; returns what the console then has to tell."""
        async with self.http.get("/api/v1/sign-in") as answer:
            assert str(answer.url).startswith(self.console)
            return answer.real_url.fragment

    async def ask(self, method: str, path: str, **sent: Any) -> int:
        async with self.http.request(method, path, **sent) as answer:
            return answer.status

    async def name(self) -> str:
        async with self.http.get("/api/v1/session") as answer:
            session = await answer.json()
            assert session["provider"] is True
            name: str = session["name"]
            return name


@asynccontextmanager
async def signing_in() -> AsyncIterator[Desk]:
    provider, port = IdentityProvider(Signer("k1")), free_port()
    console = f"http://127.0.0.1:{port}/console"
    async with provider.at() as issuer:
        env = {
            "OIDC_ISSUER": issuer, "OIDC_AUDIENCE": AUDIENCE, "OIDC_CLAIM": "groups",
            "OIDC_ADMINS": "bosses", "OIDC_CLIENT_ID": "console", "HTTP_PORT": str(port),
            "OIDC_CLIENT_SECRET": provider.secret, "CONSOLE_URL": console, "WORKERS": "0",
        }  # fmt: skip
        async with (
            service(env=env),
            aiohttp.ClientSession(f"{console}/", cookie_jar=aiohttp.CookieJar(unsafe=True)) as http,
        ):
            yield Desk(http, provider, console)


async def test_people_sign_in_to_the_console() -> None:
    async with signing_in() as desk:
        await in_and_out(desk)
        await allowed_by_the_other_token(desk)
        await turned_away(desk)
        await codes_of_others(desk)


async def in_and_out(desk: Desk) -> None:
    desk.provider.person = {"sub": "u1", "preferred_username": "ann", "groups": ["bosses"]}
    assert await desk.name() == ""
    assert await desk.ask("GET", "/api/v1/console") == 401
    assert await desk.sign_in() == ""
    assert await desk.name() == "ann"
    assert await desk.ask("GET", "/api/v1/console") == 200
    wish = {"name": "ci", "scopes": ["rooms:read"]}
    assert await desk.ask("POST", "/api/v1/tokens", json=wish) == 403
    meant = {"X-Requested-With": "console"}
    assert await desk.ask("POST", "/api/v1/tokens", json=wish, headers=meant) == 201
    async with desk.http.get("/api/v1/audit") as answer:
        done = [(one["who"], one["route"], one["status"]) for one in (await answer.json())["items"]]
    assert ("oidc/u1", "/console/signed-in", 302) in done
    assert await desk.ask("DELETE", "/api/v1/session") == 204
    assert await desk.ask("GET", "/api/v1/console") == 401


async def allowed_by_the_other_token(desk: Desk) -> None:
    desk.provider.person, desk.provider.methods = {"sub": "u2"}, ["client_secret_post"]
    desk.provider.access = desk.provider.token(sub="u1", groups=["bosses"])
    assert await desk.sign_in() == "sign-in/refused"
    desk.provider.access = desk.provider.token(sub="u2", groups=["bosses"])
    assert await desk.sign_in() == ""
    assert await desk.ask("GET", "/api/v1/console") == 200
    await desk.ask("DELETE", "/api/v1/session")


async def turned_away(desk: Desk) -> None:
    provider = desk.provider
    provider.person, provider.access = {"sub": "u3", "groups": ["guests"]}, "opaque"
    assert await desk.sign_in() == "sign-in/refused"
    provider.person = None
    assert await desk.sign_in() == "sign-in/refused"
    provider.person, provider.nonce = {"sub": "u1", "groups": ["bosses"]}, "of another sign-in"
    assert await desk.sign_in() == "sign-in/refused"
    provider.nonce, provider.secret = "", "another"
    assert await desk.sign_in() == "sign-in/away"
    assert await desk.name() == ""


async def codes_of_others(desk: Desk) -> None:
    for arrived in ("?code=c&state=s", "", "?state=&code="):
        async with desk.http.get(f"/console/signed-in{arrived}") as answer:
            assert answer.real_url.fragment == "sign-in/expired"
    for cookie in ("..", "s.n", "s..v"):
        sent = {"Cookie": f"transcriber_sign_in={cookie}"}
        async with desk.http.get("/console/signed-in?code=c&state=", headers=sent) as answer:
            assert answer.real_url.fragment == "sign-in/expired"
