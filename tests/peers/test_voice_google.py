"""Google's voices, against what the reference says is sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.conformance.tts import TEXT, TtsConformance, heard
from tests.peers.engines.google_voice import Cloud, cloud
from tests.peers.engines.server import Mischief, impatient
from transcriber.engines.tts import online
from transcriber.engines.tts.base import Manner, Tts
from transcriber.engines.tts.google import Google, GoogleVoiceOptions
from transcriber.errors import EngineError


def engine(there: Cloud, **settings: Any) -> Google:
    wanted = {
        "GOOGLE_APPLICATION_CREDENTIALS": str(there.account),
        "GOOGLE_TTS_URL": there.asked.url,
    }
    return Google(GoogleVoiceOptions.model_validate(wanted | settings))


class TestRequests(TtsConformance):
    @pytest.fixture
    async def tts(self, tmp_path: Path) -> AsyncIterator[Tts]:
        async with cloud(tmp_path) as there, engine(there) as tts:
            yield tts


async def test_everything_that_is_wished_is_sent(tmp_path: Path) -> None:
    settings = {"GOOGLE_TTS_VOICE": "de-DE-Chirp3-HD-Kore"}
    async with cloud(tmp_path) as there, engine(there, **settings) as tts:
        await heard(tts, TEXT, Manner(language="de-AT"))
        await heard(tts, TEXT, Manner(language="fr", speed=1.5))
        await heard(tts, TEXT, Manner("en-GB-Neural2-B", "en"))
    audio = {"audioEncoding": "LINEAR16", "sampleRateHertz": 24_000}
    voices = [
        {"languageCode": "de-DE", "name": "de-DE-Chirp3-HD-Kore"},
        {"languageCode": "fr"},
        {"languageCode": "en-GB", "name": "en-GB-Neural2-B"},
    ]
    assert [body["voice"] for body in there.asked.bodies] == voices
    assert there.asked.bodies[0] | {"voice": 0} == {
        "input": {"text": TEXT}, "voice": 0, "audioConfig": audio
    }  # fmt: skip
    assert there.asked.bodies[1]["audioConfig"] == audio | {"speakingRate": 1.5}


async def test_a_voice_speaks_only_its_language(tmp_path: Path) -> None:
    async with cloud(tmp_path) as there, engine(there) as tts:
        with pytest.raises(EngineError, match="does not speak fr") as refused:
            await heard(tts, TEXT, Manner("de-DE-Neural2-B", "fr"))
        assert refused.value.kind == "bad_request"
        with pytest.raises(EngineError) as refused:
            await heard(tts, TEXT, Manner(language="tlh"))
        assert refused.value.kind == "bad_request"


async def test_one_token_serves_many_until_it_ends(tmp_path: Path) -> None:
    async with cloud(tmp_path) as there, engine(there) as tts:
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(heard(tts, TEXT))
        assert len(there.notes) == 1
        assert there.notes[0]["iss"] == "bot@example.org"
        assert there.notes[0]["aud"] == f"{there.asked.url}/token"
        assert there.notes[0]["exp"] - there.notes[0]["iat"] == 3_600
        there.lasts = 30.0
        there.notes.append({})
        with pytest.raises(EngineError) as refused:
            await heard(tts, TEXT)
        assert refused.value.kind == "auth"
        await heard(tts, TEXT)
        assert len(there.notes) == 3
        await heard(tts, TEXT)
        assert len(there.notes) == 4


async def test_an_account_that_is_not_known_is_told(tmp_path: Path) -> None:
    async with cloud(tmp_path) as there, engine(there) as tts:
        there.refuses = True
        with pytest.raises(EngineError, match="refuses the account") as refused:
            await heard(tts, TEXT)
        assert refused.value.kind == "auth"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot read"),
        ("{", "is not the file of a service account"),
        ("{}", "is not the file of a service account"),
        ('{"private_key": "x"}', "is not the file of a service account"),
    ],
)
def test_a_file_that_is_no_account_is_told(
    content: str | None, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "account.json"
    if content is not None:
        path.write_text(content)
    options = GoogleVoiceOptions.model_validate({"GOOGLE_APPLICATION_CREDENTIALS": str(path)})
    assert problem in Google(options).unusable()
    assert "check GOOGLE_APPLICATION_CREDENTIALS" in Google(options).unusable()


def test_another_kind_of_key_is_told(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    path = tmp_path / "account.json"
    path.write_text(json.dumps({"private_key": pem, "client_email": "a", "token_uri": "b"}))
    options = GoogleVoiceOptions.model_validate({"GOOGLE_APPLICATION_CREDENTIALS": str(path)})
    assert "has no RSA key" in Google(options).unusable()


def test_without_an_account_it_says_so() -> None:
    nobody = Google(GoogleVoiceOptions.model_validate({}))
    assert "GOOGLE_APPLICATION_CREDENTIALS" in nobody.unusable()
    assert nobody.voiceprint(Manner(language="de")) != nobody.voiceprint(Manner())


TROUBLE: dict[str, tuple[Mischief, str]] = {
    "not allowed": (Mischief(status=403), "auth"),
    "too many requests": (Mischief(status=429), "busy"),
    "cut off": (Mischief(cut_after=1), "network"),
    "nonsense": (Mischief(garbage_after=1), "engine"),
    "hangs": (Mischief(hang_after=1), "timeout"),
}


@pytest.mark.parametrize("what", TROUBLE)
async def test_trouble_is_told_by_what_it_means(what: str, tmp_path: Path) -> None:
    mischief, kind = TROUBLE[what]
    mischief.times = 1
    async with cloud(tmp_path, mischief) as there, engine(there) as tts:
        with impatient(online, "ANSWER", kind), pytest.raises(EngineError) as failed:
            await heard(tts, TEXT)
        assert failed.value.kind == kind
        assert len(await heard(tts, TEXT))
