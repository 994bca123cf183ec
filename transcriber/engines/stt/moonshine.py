"""
Moonshine tiny, a small English recogniser that needs no account: its files and how to run it.

The files come from the folder the administrator names, or from an installed wheel of
`moonshine-voice` 0.1.0 (later wheels carry no weights), which is located and never imported.
Their hashes are checked before the native library sees them: it ends the whole process when it
is given a token file it cannot read.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transcriber.audio.block import Samples
from transcriber.engines.segments import RATE, Said
from transcriber.engines.vad import installed
from transcriber.errors import EngineError

__all__ = ["Files", "Moonshine", "find", "read_tokens"]

TOKENS = 32_768
"""Entries of the vocabulary."""
TOKENIZER = ("tokenizer.bin", "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d")
BUILDS = (
    (
        ("encoder_model.ort", "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221"),
        (
            "decoder_model_merged.ort",
            "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
        ),
        TOKENIZER,
    ),
    (
        ("encoder_model.onnx", "c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a"),
        (
            "decoder_model_merged.onnx",
            "eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367",
        ),
        TOKENIZER,
    ),
)
"""Name and SHA-256 of the files of the two builds of the same model."""
SPACE = "\u2581".encode()
"""How the vocabulary writes a space at the beginning of a word."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where the model lies."""

    encoder: Path
    decoder: Path
    tokenizer: Path


def find(folder: Path | None) -> Files:
    """Return the model's files, their hashes checked."""
    wheel = installed("moonshine_voice")
    if folder is None and wheel is None:
        raise _missing("it is not installed")
    place = folder or (wheel or Path()) / "assets" / "tiny-en"
    problems = []
    for build in BUILDS:
        paths = [place / name for name, _ in build]
        if problem := _problem(paths, [want for _, want in build]):
            problems.append(problem)
        else:
            return Files(*paths)
    raise _missing(f"{place} has {', and '.join(problems)}")


def _missing(why: str) -> EngineError:
    return EngineError(
        "unusable",
        f"no English model: {why}",
        remedy="install moonshine-voice==0.1.0, set LOCAL_MODEL_DIR to a folder with encoder_model,"
        " decoder_model_merged and tokenizer.bin, or choose another ASR_BACKEND",
    )


def _problem(paths: list[Path], hashes: list[str]) -> str:
    if missing := [path.name for path in paths if not path.is_file()]:
        return f"no {', '.join(missing)}"
    wrong = [
        path.name
        for path, want in zip(paths, hashes, strict=True)
        if _hash(path, path.stat().st_mtime_ns) != want
    ]
    return f"another {', '.join(wrong)} than we know" if wrong else ""


@functools.lru_cache
def _hash(path: Path, changed: int) -> str:
    """The hash of a file, looked at again when it has `changed`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_tokens(data: bytes) -> list[bytes]:
    """Return the vocabulary: before each entry its length, in one byte or in two from 128 on."""
    tokens, at = [], 0
    while at < len(data):
        size, at = data[at], at + 1
        if size >= 128 and at < len(data):
            size, at = data[at] * 128 + size - 128, at + 1
        tokens.append(data[at : at + size])
        at += size
    if len(tokens) != TOKENS or at != len(data):
        raise EngineError("unusable", f"tokenizer.bin has {len(tokens)} entries, not {TOKENS}")
    return tokens


class Moonshine:
    """The loaded model; calling it recognises one segment and keeps a thread busy meanwhile."""

    def __init__(self, files: Files) -> None:
        import sherpa_onnx

        tokens = read_tokens(files.tokenizer.read_bytes())
        lines = (base64.b64encode(token.replace(SPACE, b" ")).decode() for token in tokens)
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as table:
            table.writelines(f"{line} {number}\n" for number, line in enumerate(lines))
            table.flush()
            self._recogniser = sherpa_onnx.OfflineRecognizer.from_moonshine_v2(
                encoder=str(files.encoder),
                decoder=str(files.decoder),
                tokens=table.name,
                num_threads=1,
            )

    def __call__(self, audio: Samples, language: str) -> Said:
        """Return the words in a segment of speech."""
        stream = self._recogniser.create_stream()
        stream.accept_waveform(RATE, np.ascontiguousarray(audio))
        self._recogniser.decode_stream(stream)
        return Said(str(stream.result.text).strip())
