"""The recogniser that everybody uses."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.conformance.stt import finals, hear, text
from tests.fakes.stt import FakeOptions, FakeStt
from transcriber import engines
from transcriber.app import recognisers as ours
from transcriber.audio.block import SAMPLES, Block, silence
from transcriber.config import Settings, load
from transcriber.engines.stt.base import Interrupted, StreamOptions, Stt
from transcriber.errors import EngineError, Misconfigured
from transcriber.telemetry import METRICS

PAUSE = [silence()] * 30


@pytest.mark.parametrize(
    ("language", "engine", "turns"),
    [("fr", "", True), ("en", "", False), ("en", "kyutai", True), ("fr", "local", False)],
)
def test_whether_turns_end_by_meaning_depends_on_who_hears(
    language: str, engine: str, turns: bool
) -> None:
    policy = {"ASR_BACKEND": "fr -> kyutai; else local", "KYUTAI_STT_URL": "ws://127.0.0.1:1"}
    assert ours.chosen(load(policy), language, engine).info.turns is turns


class Cast:
    """Scripted engines in the place of real ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: dict[str, FakeStt] = {}
        for name in ("first", "spare"):
            monkeypatch.setitem(engines.STT, name, "tests.fakes.stt:FakeStt")
        monkeypatch.setattr(ours, "recogniser", self._make)
        monkeypatch.setattr(ours, "Silero", self._nothing)

    def _make(self, settings: Settings, name: str) -> Stt:
        if name not in engines.STT:
            raise Misconfigured("ASR_BACKEND", f"there is no recogniser {name!r}")
        return self.made.setdefault(name, FakeStt(FakeOptions()))

    def _nothing(self) -> Any:
        raise EngineError("unusable", "the voice detector is not installed")


@pytest.fixture
def cast(monkeypatch: pytest.MonkeyPatch) -> Cast:
    return Cast(monkeypatch)


def settings(**environ: str) -> Settings:
    return load({"ASR_BACKEND": "first; fallback spare", **environ})


def said(*numbers: int) -> Sequence[Block]:
    return [np.full(SAMPLES, number, np.float32) for number in numbers]


async def test_it_is_redacted_resumed_and_silence_costs_nothing(cast: Cast) -> None:
    ears = ours.recognisers(settings(REDACT="card"))
    first = cast._make(settings(), "first")
    assert isinstance(first, FakeStt)
    first.dies_after = 2
    async with ears.stt as stt:
        heard = await hear(stt, [*PAUSE, *said(4111, 1111, 1111, 1111), *PAUSE * 20], paced=True)
    assert text(heard) == "[card]"
    assert any(isinstance(event, Interrupted) for event in heard)
    assert sum(first.heard) + sum(cast.made["spare"].heard) < 60
    (final,) = finals(heard)
    assert final.start == pytest.approx(len(PAUSE) * 0.08, abs=0.1)


async def test_a_stream_is_closed_when_its_speaker_is_silent_for_long(cast: Cast) -> None:
    async with ours.recognisers(settings()).stt as stt:
        words = [*said(1, 2), *[silence()] * 375, *said(3), *PAUSE]
        assert text(await hear(stt, words, paced=True)) == "1 2 3"
    assert len(cast.made["first"].opened) == 2


async def test_every_engine_is_listed_with_its_state_while_it_is_used(cast: Cast) -> None:
    ears = ours.recognisers(settings())
    async with ears.stt as stt:
        await hear(stt, said(1), StreamOptions())
        listed = {engine.info.name: engine.as_dict() for engine in ears.engines()}
        assert METRICS.registry.get_sample_value("transcriber_engine_up", {"engine": "first"}) == 1
    states = [engine.state for engine in ears.engines()]
    assert listed["fake"]["usable"] is True
    assert states == [None] * len(states)


def test_the_first_usable_engine_of_the_policy_is_chosen_for_a_file(cast: Cast) -> None:
    chosen = ours.chosen(settings(ASR_BACKEND="de -> spare; else first"), "de")
    assert set(cast.made) == {"spare"}
    assert chosen.unusable() == ""


def test_a_file_in_a_language_that_nobody_hears_is_refused(cast: Cast) -> None:
    with pytest.raises(EngineError, match="no recogniser hears en"):
        ours.chosen(settings(ASR_BACKEND="de -> spare"), "en")


def test_an_engine_that_does_not_exist_is_refused_at_once(cast: Cast) -> None:
    with pytest.raises(Misconfigured, match="kaldi"):
        ours.recognisers(settings(ASR_BACKEND="en -> kaldi; else first"))
