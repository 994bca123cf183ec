"""
Voices for Piper that can be fetched, one for a language that has a good one.

Each is a model, known by its hash, and a description, which is read with care: what arrives is that
or nothing. Their makers publish no other hash than this one; nobody can make another file for it.
Licences are those of the voices, told in their model cards.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import structlog

from transcriber.engines.shelf import CONNECTING, READING, alone, download, explained
from transcriber.engines.tts.base import Progress
from transcriber.errors import EngineError

__all__ = ["SOURCE", "VOICES", "PiperVoice", "described_in", "fetch", "there"]

SOURCE = "https://huggingface.co/rhasspy/piper-voices/resolve/v1.0.0"
"""Where the voices are, unless somebody names a mirror."""
DESCRIPTION = 1 << 20
"""Bytes of a description at most: that of many speakers is long."""
MEDIUM = 63_201_294
"""Bytes of most voices."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PiperVoice:
    """A voice by its name: `de_DE-thorsten-medium` is a language, somebody and a quality."""

    name: str
    md5: str
    size: int = MEDIUM

    @property
    def address(self) -> str:
        """Where the model lies at a source."""
        language, who, quality = self.name.split("-")
        family = language.partition("_")[0]
        return f"{family}/{language}/{who}/{quality}/{self.name}.onnx"


VOICES = {
    voice.name: voice
    for voice in (
        PiperVoice("de_DE-thorsten-medium", "a129b00fb3078df43c96bab6c94535c0"),
        PiperVoice("en_GB-alan-medium", "8f6b35eeb8ef6269021c6cb6d2414c9b"),
        PiperVoice("en_GB-jenny_dioco-medium", "d08f2f7edf0c858275a7eca74ff2a9e4"),
        PiperVoice("fr_FR-siwis-medium", "20e876e8c839e9b11a26085858f2300c"),
        PiperVoice("hu_HU-anna-medium", "3796f9fa28bd8d390d17828e2e2e952d"),
        PiperVoice("it_IT-riccardo-x_low", "2c564b67f6bfaf3ad02d28ab528929b8", 28_130_791),
        PiperVoice("ka_GE-natia-medium", "83bd40f8d176a83d3d8d605fada2a5e7"),
        PiperVoice("lb_LU-marylux-medium", "966856e665a46cee45cb0cd2c475f8d5"),
        PiperVoice("pl_PL-gosia-medium", "ecf817530e575025166e454adde1f382"),
        PiperVoice("pt_BR-faber-medium", "e0724a2f07965f6523d2a1e96b488a4c"),
        PiperVoice("ro_RO-mihai-medium", "45f4253916c93d3d05ad3fe1b07ea4f3"),
        PiperVoice("ru_RU-irina-medium", "21fbe77fdc68bdc35d7adb6bf4f52199"),
        PiperVoice("sk_SK-lili-medium", "836e078518042448bda8416a8ea52984"),
        PiperVoice("sv_SE-nst-medium", "20266cf58e93ca2140444b77398aea04", 63_104_526),
        PiperVoice("tr_TR-dfki-medium", "f51287b350a042dd8d67b2b215145e5a"),
    )
}
"""By name."""


def described_in(model: Path) -> Path:
    """Where a model is described."""
    return model.with_name(f"{model.name}.json")


def there(model: Path) -> bool:
    """Whether a voice is on the disk."""
    return model.is_file() and described_in(model).is_file()


async def fetch(voice: PiperVoice, model: Path, source: str, progress: Progress) -> None:
    """Put a voice where it belongs, unless it is there; raises `EngineError`."""
    url = f"{source.rstrip('/')}/{voice.address}"
    model.parent.mkdir(parents=True, exist_ok=True)
    async with alone(model.with_suffix(".lock")):
        if there(model):
            return
        log.info("fetching a voice", voice=voice.name, url=url)
        with explained(url):
            described_in(model).write_bytes(await _description(f"{url}.json"))
            part = model.with_suffix(".part")
            async for done in download(url, part, voice.size):
                progress(f"fetching {voice.name}", min(0.95, 0.95 * done / voice.size))
        if await asyncio.to_thread(_hash, part) != voice.md5:
            part.unlink()
            raise EngineError("engine", f"{url} is not the voice it was", remedy="try a mirror")
        part.rename(model)


async def _description(url: str) -> bytes:
    timeout = aiohttp.ClientTimeout(total=READING, sock_connect=CONNECTING)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as http,
        http.get(url) as answer,
    ):
        answer.raise_for_status()
        data = await answer.content.read(DESCRIPTION + 1)
        while (more := await answer.content.read(DESCRIPTION)) and len(data) <= DESCRIPTION:
            data += more
    if len(data) > DESCRIPTION:
        raise EngineError("engine", f"{url} is larger than {DESCRIPTION} bytes")
    return data


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
