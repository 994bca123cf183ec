"""
Models that others train and publish, and that can be fetched when they are wanted.

Each is an archive of the sherpa-onnx project, named by its hash: what arrives is that or nothing.
Licences are those of the models, which are not ours to give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["MODELS", "SOURCE", "Kind", "Model", "hears"]

Kind = Literal["nemo", "sense-voice", "whisper", "zipformer", "zipformer-streaming"]
"""How a model is run: all but the last hear whole utterances."""

SOURCE = "https://github.com/k2-fsa/sherpa-onnx/releases/download/asr-models"
"""Where the archives are, unless somebody names a mirror."""
EUROPE = "bg cs da de el en es et fi fr hr hu it lt lv mt nl pl pt ro ru sk sl sv uk"


@dataclass(frozen=True, slots=True)
class Model:
    """One archive: `name` is ours, `archive` that of the file and of the folder in it."""

    name: str
    archive: str
    kind: Kind
    sha256: str
    size: int
    """Bytes to fetch."""
    spoken: str
    """Codes of languages, separated by spaces; * for any."""
    licence: str
    punctuation: bool = True

    @property
    def languages(self) -> tuple[str, ...]:
        """What it hears."""
        return tuple(self.spoken.split())

    @property
    def streaming(self) -> bool:
        """Whether it hears word after word instead of whole utterances."""
        return self.kind == "zipformer-streaming"

    @property
    def megabytes(self) -> int:
        """What people are told of its size."""
        return round(self.size / 1e6)


def hears(languages: tuple[str, ...], language: str) -> bool:
    """Whether a language is among those that are known; `pt-BR` is also `pt`."""
    return not {"*", language, language.partition("-")[0]}.isdisjoint(languages)


MODELS = {
    model.name: model
    for model in (
        Model(
            "parakeet-v3",
            "sherpa-onnx-nemo-parakeet-tdt-0.6b-v3-int8",
            "nemo",
            "5793d0fd397c5778d2cf2126994d58e9d56b1be7c04d13c7a15bb1b4eafb16bf",
            487_170_055,
            EUROPE,
            "CC-BY 4.0 (NVIDIA)",
        ),
        Model(
            "parakeet-v2",
            "sherpa-onnx-nemo-parakeet-tdt-0.6b-v2-int8",
            "nemo",
            "157c157bc51155e03e37d2466522a3a737dd9c72bb25f36eb18912964161e1ad",
            482_468_385,
            "en",
            "CC-BY 4.0 (NVIDIA)",
        ),
        Model(
            "fast-conformer",
            "sherpa-onnx-nemo-fast-conformer-transducer-be-de-en-es-fr-hr-it-pl-ru-uk-20k-int8",
            "nemo",
            "06072bad277f0f4c29cc866d7c62b0e47936da39afafeae453faa925025ccad6",
            106_546_673,
            "be de en es fr hr it pl ru uk",
            "CC-BY 4.0 (NVIDIA)",
        ),
        Model(
            "whisper-tiny",
            "sherpa-onnx-whisper-tiny",
            "whisper",
            "c46116994e539aa165266d96b325252728429c12535eb9d8b6a2b10f129e66b1",
            116_204_861,
            "*",
            "MIT (OpenAI)",
        ),
        Model(
            "whisper-base",
            "sherpa-onnx-whisper-base",
            "whisper",
            "911b2083efd7c0dca2ac3b358b75222660dc09fb716d64fbfc417ba6c99ff3de",
            207_557_382,
            "*",
            "MIT (OpenAI)",
        ),
        Model(
            "whisper-small",
            "sherpa-onnx-whisper-small",
            "whisper",
            "486a46afbb7ba798507190ffe02fea2dd726049af212e774537efac6afb210a6",
            639_387_718,
            "*",
            "MIT (OpenAI)",
        ),
        Model(
            "whisper-turbo",
            "sherpa-onnx-whisper-turbo",
            "whisper",
            "b11acbbcd660b44a8e0df33724feb5aaa709cf65668f2823d59f656312544f22",
            563_790_207,
            "*",
            "MIT (OpenAI)",
        ),
        Model(
            "sense-voice",
            "sherpa-onnx-sense-voice-zh-en-ja-ko-yue-int8-2024-07-17",
            "sense-voice",
            "7d1efa2138a65b0b488df37f8b89e3d91a60676e416f515b952358d83dfd347e",
            163_002_883,
            "en ja ko yue zh",
            "FunASR model licence (Alibaba)",
        ),
        Model(
            "zipformer-en",
            "sherpa-onnx-streaming-zipformer-en-2023-06-26",
            "zipformer-streaming",
            "639e25b578e9e997131402199419c13a941f8e4e198e2da1ce57dbf5cf401282",
            310_414_022,
            "en",
            "Apache-2.0 (k2-fsa)",
            punctuation=False,
        ),
        Model(
            "zipformer-en-small",
            "sherpa-onnx-streaming-zipformer-en-20M-2023-02-17",
            "zipformer-streaming",
            "9c559283e8498d3fe95913c79ca1cb454bb26281ac2b102b41306c7d752765d9",
            127_887_156,
            "en",
            "Apache-2.0 (k2-fsa)",
            punctuation=False,
        ),
        Model(
            "vosk-ru",
            "sherpa-onnx-streaming-zipformer-small-ru-vosk-int8-2025-08-16",
            "zipformer-streaming",
            "6ba68a01ff3c5445aaf2d61e9b97b026f1149dcc9049d11af3f44f55176341d8",
            24_110_855,
            "ru",
            "Apache-2.0 (Alpha Cephei)",
            punctuation=False,
        ),
    )
}
"""By name."""
