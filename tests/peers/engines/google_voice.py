"""Google Cloud Text-to-Speech and its tokens, as the references have them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.peers.engines.mouth import Asked, Trouble, answering, say, send
from tests.peers.engines.server import Mischief
from transcriber.audio import wav

__all__ = ["Cloud", "cloud"]

KEY = generate_private_key(65_537, 2_048)


@dataclass
class Cloud:
    """A service and an account that is known there."""

    asked: Asked
    account: Path
    notes: list[dict[str, Any]] = field(default_factory=list)
    """What the account signed, a note for each token."""
    lasts: float = 3_600.0
    """Seconds of a token."""
    refuses: bool = False

    @property
    def token(self) -> str:
        """The one that is good now."""
        return f"token-{len(self.notes)}"


@asynccontextmanager
async def cloud(folder: Path, mischief: Mischief | None = None) -> AsyncIterator[Cloud]:
    clouds: list[Cloud] = []

    async def give(request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        if clouds[0].refuses:
            return web.json_response({"error": "invalid_grant"}, status=400)
        clouds[0].notes.append(_read(str(form["assertion"])))
        body = {"access_token": clouds[0].token, "expires_in": clouds[0].lasts}
        return web.json_response(body | {"token_type": "Bearer"})

    async def answer(
        request: web.Request, body: dict[str, Any], trouble: Trouble
    ) -> web.StreamResponse:
        if request.headers["Authorization"] != f"Bearer {clouds[0].token}":
            return web.json_response({"error": {"code": 401}}, status=401)
        audio, voice = body["audioConfig"], body["voice"]
        assert audio["audioEncoding"] == "LINEAR16"
        if voice["languageCode"] == "tlh":
            return web.json_response({"error": {"code": 400}}, status=400)
        rate = audio["sampleRateHertz"]
        sound = say(body["input"]["text"], speed=audio.get("speakingRate", 1.0), rate=rate)
        content = base64.b64encode(wav.encode(sound, rate)).decode()
        data = json.dumps({"audioContent": content}).encode()
        pieces = [data[: len(data) // 2], data[len(data) // 2 :]]
        return await send(request, trouble, pieces, "application/json")

    more = [web.post("/token", give)]
    async with answering("/v1/text:synthesize", answer, mischief, more) as asked:
        clouds.append(Cloud(asked, _account(folder, KEY, f"{asked.url}/token")))
        yield clouds[0]


def _account(folder: Path, key: RSAPrivateKey, token_uri: str) -> Path:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    path = folder / "account.json"
    account = {"type": "service_account", "client_email": "bot@example.org", "private_key": pem}
    path.write_text(json.dumps(account | {"token_uri": token_uri}))
    return path


def _read(note: str) -> dict[str, Any]:
    """Check a JSON web token and return what it claims."""
    signed, _, signature = note.rpartition(".")
    head, claims = (json.loads(_bytes(part)) for part in signed.split("."))
    assert head == {"alg": "RS256", "typ": "JWT"}
    KEY.public_key().verify(_bytes(signature), signed.encode(), PKCS1v15(), SHA256())
    found: dict[str, Any] = claims
    return found


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
