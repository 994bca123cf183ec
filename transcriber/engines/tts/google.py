"""
Google Cloud's voices: a request for each text.

A service account lets us in: its key signs a note, for which Google gives a token for an hour.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import BaseModel, Field

from transcriber.audio.block import RATE, Samples
from transcriber.engines.stt.wire import Http, explained, reading, refusal
from transcriber.engines.tts.base import Manner, Sound, TtsInfo, Voice, nothing
from transcriber.engines.tts.online import ANSWER, Online, Post, request
from transcriber.engines.tts.pcm import Pcm
from transcriber.errors import EngineError

__all__ = ["Google", "GoogleVoiceOptions"]

HOST = "https://texttospeech.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
HOUR = 3_600
EARLY = 60
"""Seconds before its end from which on a token is not used any more."""
LARGEST = 32 * 1024 * 1024
"""Bytes of an answer at most: the longest text is not half as long."""
VOICE = r"[a-z]{2,3}-[A-Z]{2}-[\w-]+"


class GoogleVoiceOptions(BaseModel):
    """Settings of Google Cloud Text-to-Speech."""

    credentials: str = Field(
        "",
        alias="GOOGLE_APPLICATION_CREDENTIALS",
        description="Google Cloud: JSON file of a service account",
    )
    url: str = Field(
        HOST,
        pattern=r"^https?://.+$",
        alias="GOOGLE_TTS_URL",
        description="where Google Cloud Text-to-Speech is",
    )
    voice: str = Field(
        "",
        pattern=rf"^({VOICE})?$",
        alias="GOOGLE_TTS_VOICE",
        description="usual voice of Google for its language, such as de-DE-Chirp3-HD-Kore",
    )


class Google(Online):
    """A request for each text."""

    Options = GoogleVoiceOptions
    info = TtsInfo(
        name="google",
        title="Google Cloud Text-to-Speech",
        languages=("*",),
        voices=(Voice("en-US-Chirp3-HD-Kore", ("en",)), Voice("de-DE-Chirp3-HD-Kore", ("de",))),
        more_voices=VOICE,
        speeds=(0.5, 2.0),
        streaming=False,
        licence="commercial service",
    )

    def __init__(self, options: GoogleVoiceOptions) -> None:
        self._options = options
        self.http = Http()
        self._pass = Pass(self.http)

    def unusable(self) -> str:
        """Say what is missing."""
        if not self._options.credentials:
            return "no account: set GOOGLE_APPLICATION_CREDENTIALS"
        try:
            self._pass.load(self._options.credentials)
        except EngineError as problem:
            return str(problem)
        return ""

    def voiceprint(self, manner: Manner) -> str:
        """What they are asked for, besides the text."""
        return json.dumps(self._asked(manner), sort_keys=True)

    @asynccontextmanager
    async def speak(self, text: str, manner: Manner) -> AsyncIterator[Sound]:
        """Say something."""
        self.info.demand(manner)
        body = self._asked(manner) | {"input": {"text": text}}
        if not text.strip():
            yield nothing()
            return
        self._pass.load(self._options.credentials)
        headers = {"Authorization": f"Bearer {await self._pass.token()}"}
        post = Post(f"{self._options.url.rstrip('/')}/v1/text:synthesize", body, headers)
        async with (
            request(self.http, post, self._refused) as answer,
            aclosing(_sound(answer)) as pieces,
        ):
            yield pieces

    def _asked(self, manner: Manner) -> dict[str, Any]:
        audio: dict[str, Any] = {"audioEncoding": "LINEAR16", "sampleRateHertz": RATE}
        if manner.speed != 1.0:
            audio["speakingRate"] = manner.speed
        return {"voice": self._voice(manner), "audioConfig": audio}

    def _voice(self, manner: Manner) -> dict[str, str]:
        """A voice brings its language; the usual one speaks only its own."""
        usual = self._options.voice
        name = manner.voice or (usual if _speaks(usual, manner.language) else "")
        if not name:
            return {"languageCode": manner.language}
        if not _speaks(name, manner.language):
            raise EngineError("bad_request", f"{name} does not speak {manner.language}")
        return {"languageCode": "-".join(name.split("-")[:2]), "name": name}

    def _refused(self, status: int, headers: Mapping[str, str], body: bytes) -> EngineError:
        if status == 401:
            self._pass.forget()
        return refusal(status, headers, "")


class Pass:
    """What lets us in, renewed before it ends and after it was refused."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._account: dict[str, str] = {}
        self._key: RSAPrivateKey | None = None
        self._token = ""
        self._until = 0.0
        self._asking = asyncio.Lock()

    def load(self, path: str) -> None:
        """Read the account, once."""
        if self._key is not None:
            return
        try:
            account = json.loads(Path(path).read_text("utf-8"))
            key = load_pem_private_key(account["private_key"].encode(), None)
            self._account = {name: account[name] for name in ("client_email", "token_uri")}
        except OSError as error:
            raise _unusable(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise _unusable(f"{path} is not the file of a service account") from error
        if not isinstance(key, RSAPrivateKey):
            raise _unusable(f"{path} has no RSA key")
        self._key = key

    async def token(self) -> str:
        """Return a token that is good for a while; many may ask at the same time."""
        async with self._asking:
            if time.time() > self._until - EARLY:
                self._token = await self._ask()
        return self._token

    def forget(self) -> None:
        """It was refused: the next one asks for another."""
        self._until = 0.0

    async def _ask(self) -> str:
        now = time.time()
        url = self._account["token_uri"]
        form = {"grant_type": GRANT, "assertion": self._note(int(now))}
        with explained(url):
            patience = aiohttp.ClientTimeout(total=ANSWER)
            async with self._http.session.post(
                url, data=form, timeout=patience, allow_redirects=False
            ) as answer:
                if answer.status in (400, 401, 403):
                    raise EngineError("auth", "Google refuses the account", remedy="make a key")
                if answer.status != 200:
                    raise refusal(answer.status, answer.headers, "")
                body = await answer.read()
        with reading():
            said = json.loads(body)
            self._until = now + float(said["expires_in"])
            return str(said["access_token"])

    def _note(self, now: int) -> str:
        """A JSON web token, signed."""
        assert self._key is not None
        claims = {
            "iss": self._account["client_email"],
            "aud": self._account["token_uri"],
            "scope": SCOPE,
            "iat": now,
            "exp": now + HOUR,
        }
        head = {"alg": "RS256", "typ": "JWT"}
        parts = [_text(json.dumps(part).encode()) for part in (head, claims)]
        signature = self._key.sign(".".join(parts).encode(), PKCS1v15(), SHA256())
        return ".".join([*parts, _text(signature)])


async def _sound(answer: aiohttp.ClientResponse) -> AsyncGenerator[Samples]:
    """The answer is one JSON object with a wav file in it."""
    with explained(str(answer.url)):
        body = await answer.content.read(LARGEST)
        while data := await answer.content.read(LARGEST):
            body += data
            if len(body) > LARGEST:
                raise EngineError("engine", "the answer is too long")
    pcm = Pcm()
    with reading():
        samples = pcm.push(base64.b64decode(json.loads(body)["audioContent"]))
    yield samples
    if len(rest := pcm.flush()):
        yield rest


def _speaks(voice: str, language: str) -> bool:
    return voice.partition("-")[0] == language.partition("-")[0]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unusable(problem: str) -> EngineError:
    return EngineError("unusable", problem, remedy="check GOOGLE_APPLICATION_CREDENTIALS")
