"""
Running the models of the sherpa-onnx project.

The native library ends the whole process when it is given files it cannot read. What was fetched
was checked by its hash; a folder that somebody brought is loaded in another process first. A
Whisper recogniser knows one language only, so there is one for each of the last few.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from transcriber.audio.block import Samples
from transcriber.engines.models import Kind
from transcriber.engines.segments import RATE, Said, spread
from transcriber.engines.stt.base import Word
from transcriber.errors import EngineError

__all__ = ["BARE", "FILES", "Flow", "Flowing", "Loaded", "load", "probe", "words_of"]

LANGUAGES = 3
"""Whisper recognisers kept, one for each language."""
LOADING = 120.0
"""Seconds a model may take to load, where that is tried out."""
LAST_TOKEN = 0.2
"""Seconds the last piece of a word takes to say, as far as we know."""
PAUSE, ENDLESS = 0.6, 12.0
"""Seconds of silence that end an utterance, and of the longest one, when words come one by one."""
TAIL = 0.66
"""Seconds of silence that push the last words out of such a model."""
STARTS = " \u2581"
"""What a piece that begins a word begins with."""
TRANSDUCER = {"encoder": "*encoder*.onnx", "decoder": "*decoder*.onnx", "joiner": "*joiner*.onnx"}
FILES: Mapping[Kind, Mapping[str, str]] = {
    "nemo": TRANSDUCER,
    "sense-voice": {"model": "model*.onnx"},
    "whisper": {"encoder": "*-encoder*.onnx", "decoder": "*-decoder*.onnx"},
    "zipformer": TRANSDUCER,
    "zipformer-streaming": TRANSDUCER,
}
"""What each kind of model consists of, besides its tokens."""


class Recognise(Protocol):
    """A model that hears whole utterances; keeps a thread busy meanwhile."""

    def __call__(self, audio: Samples, language: str) -> Said:
        """Return the words in a segment of speech."""


BARE: frozenset[Kind] = frozenset({"zipformer", "zipformer-streaming"})
"""Kinds that write words without capitals, or in capitals alone, and no full stops."""


def load(kind: Kind, folder: Path) -> Loaded:
    """Load a model; raises `EngineError` when files are missing."""
    files = _find(kind, folder)
    match kind:
        case "whisper":
            return Whisper(files)
        case "zipformer-streaming":
            return Flowing(_online(files))
        case _:
            return Whole(_offline(kind, files), kind in BARE)


def probe(kind: Kind, folder: Path) -> None:
    """Load a model in another process; raises `EngineError` when that ends it."""
    _find(kind, folder)
    command = [sys.executable, "-m", __name__, kind, str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=LOADING)
    except (subprocess.SubprocessError, OSError) as error:
        raise EngineError("unusable", f"{folder} holds no {kind} model that can be run") from error


def _find(kind: Kind, folder: Path) -> dict[str, str]:
    """The files of a model: the smaller build where there are two, but of small parts the exact."""
    wanted = {**FILES[kind], "tokens": "*tokens.txt"}
    found = {part: sorted(folder.glob(pattern)) for part, pattern in wanted.items()}
    if missing := [wanted[part] for part, paths in found.items() if not paths]:
        raise EngineError("unusable", f"{folder} has no {', no '.join(missing)}")
    exact = "decoder" if "joiner" in wanted else ""
    return {
        part: str(min(paths, key=lambda path: (".int8." in path.name) is (part == exact)))
        for part, paths in found.items()
    }


def _offline(kind: Kind, files: Mapping[str, str], language: str = "") -> Any:
    from sherpa_onnx import OfflineRecognizer

    match kind:
        case "whisper":
            return OfflineRecognizer.from_whisper(**files, language=language)
        case "sense-voice":
            return OfflineRecognizer.from_sense_voice(**files, use_itn=True)
        case "nemo":
            return OfflineRecognizer.from_transducer(**files, model_type="nemo_transducer")
        case _:
            return OfflineRecognizer.from_transducer(**files)


def _online(files: Mapping[str, str]) -> Any:
    from sherpa_onnx import OnlineRecognizer

    return OnlineRecognizer.from_transducer(
        **files,
        num_threads=1,
        enable_endpoint_detection=True,
        rule1_min_trailing_silence=2.4,
        rule2_min_trailing_silence=PAUSE,
        rule3_min_utterance_length=ENDLESS,
    )


@dataclass(frozen=True, slots=True)
class Whole:
    """A model that finds out the language by itself; `bare` as in `BARE`."""

    recogniser: Any
    bare: bool = False

    def __call__(self, audio: Samples, language: str) -> Said:
        """Return the words in a segment of speech."""
        stream = self.recogniser.create_stream()
        stream.accept_waveform(RATE, np.ascontiguousarray(audio))
        self.recogniser.decode_stream(stream)
        said = _said(stream.result, len(audio) / RATE)
        return _lowered(said) if self.bare else said


class Whisper:
    """A model that is told the language when it is made."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._made: OrderedDict[str, Whole] = OrderedDict()
        self._making = threading.Lock()
        self._of("en")

    def __call__(self, audio: Samples, language: str) -> Said:
        """Return the words in a segment of speech."""
        return self._of(language.partition("-")[0])(audio, language)

    def _of(self, language: str) -> Whole:
        with self._making:
            if language not in self._made:
                self._made[language] = Whole(_offline("whisper", self._files, language))
            self._made.move_to_end(language)
            if len(self._made) > LANGUAGES:
                self._made.popitem(last=False)
            return self._made[language]


@dataclass(frozen=True, slots=True)
class Flowing:
    """A model that hears word by word."""

    recogniser: Any

    def begin(self) -> Flow:
        """Begin to listen to one speaker."""
        return Flow(self.recogniser)


Loaded = Recognise | Flowing


class Flow:
    """One speaker's audio, heard word by word; each call keeps a thread busy for a moment."""

    def __init__(self, recogniser: Any) -> None:
        self._recogniser = recogniser
        self._begin(0.0)

    def hear(self, audio: Samples) -> tuple[Said, bool]:
        """Hear more; gives the utterance so far, and whether it is over."""
        self._take(audio)
        said, over = self._result(), self._recogniser.is_endpoint(self._stream)
        if over:
            self._recogniser.reset(self._stream)
        return said, over

    def finish(self) -> Said:
        """The utterance is over: give its last words."""
        heard = self._heard
        self._take(np.zeros(int(TAIL * RATE), np.float32))
        said = self._result()
        self._begin(heard)
        return said

    def _begin(self, at: float) -> None:
        self._began = self._heard = at
        self._stream = self._recogniser.create_stream()

    def _take(self, audio: Samples) -> None:
        self._heard += len(audio) / RATE
        self._stream.accept_waveform(RATE, np.ascontiguousarray(audio))
        while self._recogniser.is_ready(self._stream):
            self._recogniser.decode_stream(self._stream)

    def _result(self) -> Said:
        result = self._recogniser.get_result_all(self._stream)
        start = self._began + result.start_time
        said = _lowered(_said(result, self._heard, start))
        return said if said.words else Said(said.text, spread(said.text, start, self._heard))


def _said(result: Any, end: float, start: float = 0.0) -> Said:
    text = str(result.text).strip()
    times = [start + at for at in result.timestamps]
    if not text or len(times) != len(result.tokens):
        return Said(text)
    words = words_of(result.tokens, times, end)
    spaced = len(words) < len(result.tokens)
    return Said(" ".join(word.text for word in words) if spaced else text, words)


def _lowered(said: Said) -> Said:
    words = tuple(replace(word, text=word.text.lower()) for word in said.words)
    return Said(said.text.lower(), words)


def words_of(tokens: Sequence[str], times: Sequence[float], end: float) -> tuple[Word, ...]:
    """Put pieces together to words: a mark or a space begins one, else each piece is one."""
    marked = any(token[:1] in STARTS for token in tokens)
    parts: list[tuple[str, float, float]] = []
    for token, at in zip(tokens, times, strict=True):
        text, till = token.strip(STARTS), max(at, min(at + LAST_TOKEN, end))
        if not text:
            continue
        if marked and parts and token[:1] not in STARTS:
            before, start, _ = parts[-1]
            parts[-1] = (before + text, start, till)
        else:
            parts.append((text, at, till))
    follows = [*(start for _, start, _ in parts[1:]), end]
    return tuple(
        Word(text, round(start, 3), round(max(start, min(till, following)), 3))
        for (text, start, till), following in zip(parts, follows, strict=False)
    )


if __name__ == "__main__":
    load(sys.argv[1], Path(sys.argv[2]))  # type: ignore[arg-type]
