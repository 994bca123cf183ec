"""Tokens of an identity provider, from its server to ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.fakes.oidc import AUDIENCE, IdentityProvider, Signer
from tests.peers.service import service
from tests.peers.test_web import TOKEN
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
