"""An identity provider: keys, signed tokens, and a server that publishes what it must."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from transcriber.web.server import listen

AUDIENCE = "captions"


class Signer:
    """One key of a provider."""

    def __init__(self, name: str, algorithm: str = "ES256") -> None:
        self.name, self.algorithm = name, algorithm
        self.private: Any
        shown: Any
        match algorithm:
            case "ES256":
                self.private, shown = ec.generate_private_key(ec.SECP256R1()), ECAlgorithm
            case "EdDSA":
                self.private, shown = ed25519.Ed25519PrivateKey.generate(), OKPAlgorithm
            case _:
                self.private, shown = rsa.generate_private_key(65537, 2048), RSAAlgorithm
        public = shown.to_jwk(self.private.public_key(), as_dict=True)
        self.published = public | {"kid": name, "alg": algorithm, "use": "sig"}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Sign claims as they are."""
        about = {"kid": self.name} | header
        return jwt.encode(claims, self.private, algorithm=self.algorithm, headers=about)


def claims(issuer: str, **wanted: Any) -> dict[str, Any]:
    """What a good token says; `None` leaves a claim out."""
    now = int(time.time())
    good = {"iss": issuer, "aud": AUDIENCE, "sub": "u1", "iat": now, "exp": now + 300}
    return {name: value for name, value in (good | wanted).items() if value is not None}


class IdentityProvider:
    """Publishes its keys, and counts how often it is asked for them."""

    def __init__(self, *signers: Signer) -> None:
        self.signers = list(signers)
        self.asked = 0
        self.issuer = ""
        self.named: str | None = None
        """What it says its name is, if that is a lie."""
        self.padding = ""

    @asynccontextmanager
    async def at(self, port: int = 0) -> AsyncIterator[str]:
        """Answer while the block runs; yields the issuer."""
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._about)
        app.router.add_get("/keys", self._keys)
        async with listen(app, "127.0.0.1", port) as url:
            self.issuer = url
            yield url

    def token(self, *words: str, **wanted: Any) -> str:
        """Make a good token with the newest key."""
        said = {"scope": " ".join(words)} | wanted
        return self.signers[-1].sign(claims(self.issuer, **said))

    async def _about(self, request: web.Request) -> web.Response:
        about = {"issuer": self.named or self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        return web.json_response(about | {"padding": self.padding})

    async def _keys(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response({"keys": [one.published for one in self.signers]})
