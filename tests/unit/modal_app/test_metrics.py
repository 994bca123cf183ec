from __future__ import annotations

from modal_app.batcher import Batcher
from modal_app.loopback import Loopback, decode, say
from modal_app.metrics import Metrics


def figures(metrics: Metrics) -> dict[str, float]:
    lines = metrics.text().decode().splitlines()
    return {n: float(v) for n, v in (x.rsplit(" ", 1) for x in lines if not x.startswith("#"))}


def test_before_the_model_is_there_only_time_and_cost_are_known() -> None:
    now = [0.0]
    metrics = Metrics(lambda: None, price_per_hour=2.0, clock=lambda: now[0])
    now[0] = 1800.0

    assert figures(metrics) == {"stt_up_seconds": 1800.0, "stt_estimated_cost_total": 1.0}


def test_the_batchers_counters_are_told() -> None:
    batcher = Batcher(Loopback(4), decode, deliver=lambda said: None)
    metrics = Metrics(lambda: batcher)
    assert figures(metrics)["stt_real_time_factor"] == 0.0
    batcher.feed(batcher.open(), say("two words"))
    while batcher.turn():
        pass
    told = figures(metrics)

    assert told["stt_slots"] == 4
    assert told["stt_slots_used"] == 1
    assert told["stt_words_total"] == 2
    assert told["stt_audio_seconds_total"] == 13 * 0.08
    assert told['stt_step_seconds{quantile="0.99"}'] > 0
    assert told["stt_real_time_factor"] > 0
