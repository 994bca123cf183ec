"""An identity provider: keys, signed tokens, and a server that publishes what it must."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import aiohttp
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
        self.person: dict[str, Any] | None = {"sub": "u1", "name": "Ann"}
        """Who signs in, as their token says; nobody, if they are not let in."""
        self.access = "opaque"
        """The access token that comes with it."""
        self.nonce = ""
        """What it says in place of the nonce that it was given."""
        self.secret = "client-secret"
        self.methods = ["client_secret_basic"]
        self._codes: dict[str, dict[str, str]] = {}

    @asynccontextmanager
    async def at(self, port: int = 0) -> AsyncIterator[str]:
        """Answer while the block runs; yields the issuer."""
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._about)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._redeem)
        async with listen(app, "127.0.0.1", port) as url:
            self.issuer = url
            yield url

    def token(self, *words: str, **wanted: Any) -> str:
        """Make a good token with the newest key."""
        said = {"scope": " ".join(words)} | wanted
        return self.signers[-1].sign(claims(self.issuer, **said))

    async def _about(self, request: web.Request) -> web.Response:
        about = {
            "issuer": self.named or self.issuer,
            "jwks_uri": f"{self.issuer}/keys",
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "token_endpoint_auth_methods_supported": self.methods,
        }
        return web.json_response(about | {"padding": self.padding})

    async def _authorize(self, request: web.Request) -> web.Response:
        """Let everybody in as `person`, at once."""
        asked = dict(request.query)
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        answer = {"state": asked["state"]}
        if self.person is None:
            answer["error"] = "access_denied"
        else:
            answer["code"] = f"code{len(self._codes)}"
            self._codes[answer["code"]] = asked
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(answer)}")

    async def _redeem(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self._codes.pop(str(form["code"]), None)
        proof = base64.urlsafe_b64encode(sha256(str(form["code_verifier"]).encode()).digest())
        if asked is None or proof.rstrip(b"=").decode() != asked["code_challenge"]:
            raise web.HTTPBadRequest
        client, secret = str(form["client_id"]), str(form.get("client_secret", ""))
        if given := request.headers.get("Authorization"):
            client, secret = aiohttp.BasicAuth.decode(given)[:2]
        if (client, secret) != (asked["client_id"], self.secret):
            raise web.HTTPUnauthorized
        assert form["redirect_uri"] == asked["redirect_uri"]
        said = {"aud": client, "nonce": self.nonce or asked["nonce"]} | (self.person or {})
        tokens = {"id_token": self.signers[-1].sign(claims(self.issuer, **said))}
        return web.json_response(tokens | {"access_token": self.access, "token_type": "Bearer"})

    async def _keys(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response({"keys": [one.published for one in self.signers]})
