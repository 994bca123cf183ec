"""How many workers there are."""

import os

import pytest

from transcriber.session.options import SessionOptions


def count(workers: str, engine: str) -> int:
    return SessionOptions.model_validate({"WORKERS": workers}).count(engine)


def test_a_number_is_what_it_says() -> None:
    assert count("3", "local") == 3
    assert count("0", "kyutai") == 0


@pytest.mark.parametrize(("cores", "workers"), [(1, 0), (2, 2), (8, 8)])
def test_there_is_one_for_each_core(
    monkeypatch: pytest.MonkeyPatch, cores: int, workers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(cores))
    assert count("auto", "kyutai; fallback local") == workers
    assert count("auto", "local") == 0


def test_systems_that_know_no_affinity_have_cores_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert count("auto", "kyutai") == 0
