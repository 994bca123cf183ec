"""When an engine counts as down, and when it is tried again."""

import pytest

from transcriber.engines.stt.health import HOPELESS, LONGEST, Health, State
from transcriber.errors import EngineError, EngineProblem


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def health() -> tuple[Health, Clock, list[State]]:
    clock, seen = Clock(), list[State]()
    return Health("kyutai", now=clock, observe=seen.append), clock, seen


def problem(kind: EngineProblem = "network", retry_after: float | None = None) -> EngineError:
    return EngineError(kind, "it broke", retry_after=retry_after)


def test_an_engine_is_up_until_it_fails() -> None:
    engine, _, seen = health()
    engine.heard()
    engine.answered()
    assert engine.state == State("kyutai", up=True)
    assert seen == []


def test_broken_streams_of_a_good_engine_are_forgiven_twice() -> None:
    engine, _, _ = health()
    for _ in range(2):
        engine.failed(problem(), fruitless=False)
    assert engine.up
    engine.failed(problem(), fruitless=False)
    assert not engine.up


def test_words_make_failures_forgotten() -> None:
    engine, _, _ = health()
    for _ in range(10):
        engine.failed(problem(), fruitless=False)
        engine.heard()
    assert engine.up
    assert engine.state.code == ""


@pytest.mark.parametrize("kind", ["auth", "quota", "unusable", "timeout"])
def test_some_failures_need_no_confirmation(kind: EngineProblem) -> None:
    engine, _, _ = health()
    engine.failed(problem(kind), fruitless=False)
    assert not engine.up
    assert engine.hopeless == (kind != "timeout")


def test_a_stream_that_was_never_heard_is_enough() -> None:
    engine, _, seen = health()
    engine.failed(problem(), fruitless=True)
    assert seen == [State("kyutai", up=False, failures=1, code="engine_network", retry_in=2.0)]
    assert not engine.hopeless


def test_the_wait_grows_to_its_limit_and_trials_alone_do_not_shorten_it() -> None:
    engine, _, _ = health()
    waits = []
    for _ in range(7):
        engine.failed(problem(), fruitless=True)
        waits.append(engine.wait)
        engine.answered()
    assert waits == [2, 4, 8, *[LONGEST] * 4]
    engine.heard()
    engine.failed(problem(), fruitless=True)
    assert engine.wait == 2


def test_the_wait_passes() -> None:
    engine, clock, _ = health()
    engine.failed(problem(), fruitless=True)
    clock.now = 1.5
    assert engine.wait == 0.5
    clock.now = 99
    assert engine.wait == 0


def test_an_engine_that_asks_for_time_gets_it() -> None:
    engine, _, _ = health()
    engine.failed(problem("busy", retry_after=90), fruitless=False)
    assert engine.wait == 90


def test_the_hopeless_are_tried_rarely() -> None:
    engine, _, _ = health()
    engine.failed(problem("auth"), fruitless=True)
    assert engine.wait == HOPELESS


def test_a_slow_engine_is_waited_for_elsewhere_at_first_without_delay() -> None:
    engine, _, seen = health()
    waits = []
    for _ in range(3):
        engine.slow(problem("timeout"))
        waits.append(engine.wait)
        engine.answered()
    assert waits == [0, 2, 4]
    assert [state.up for state in seen] == [False, True] * 3
