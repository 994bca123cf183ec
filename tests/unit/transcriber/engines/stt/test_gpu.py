"""What the GPU service says of itself is understood."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from modal_app.metrics import Metrics
from transcriber.engines.stt.gpu import Figures, figures
from transcriber.engines.stt.kyutai import COLD
from transcriber.engines.stt.resume import OPENING
from transcriber.errors import EngineError


def told(**stats: float) -> Figures:
    counts = {"active": 3, "backlog": 0.2, "steps": 100, "frames": 300, "words": 40, "opened": 9}
    about = SimpleNamespace(**counts | {"rejected": 1} | stats, quantile=lambda share: share / 10)
    batcher = SimpleNamespace(stats=about, slots=64, used=5)
    clock = iter((0.0, 7200.0))
    seen = Metrics(lambda: batcher, price_per_hour=0.8, clock=lambda: next(clock))  # type: ignore[arg-type,return-value]
    return figures(seen.text().decode())


def test_our_service_is_understood() -> None:
    assert told() == Figures.model_construct(
        up=7200, cost=1.6, slots=64, used=5, active=3, step=0.05, step_slowest=0.099, backlog=0.2,
        streams=9, rejected=1, audio=24, words=40,
    )  # fmt: skip


def test_one_that_still_loads_its_model_has_no_slots() -> None:
    seen = figures(Metrics(lambda: None, price_per_hour=1, clock=lambda: 0).text().decode())
    assert (seen.slots, seen.words, seen.cost) == (0, 0, 0)


def test_a_gpu_may_take_two_minutes_to_wake_before_anybody_gives_up() -> None:
    assert 120 < COLD < OPENING


@pytest.mark.parametrize("text", ["", "<html>hello</html>", "up 1\n", "stt_up_seconds x\n"])
def test_what_is_not_our_service_is_refused(text: str) -> None:
    with pytest.raises(EngineError, match="not our GPU service"):
        figures(text)
