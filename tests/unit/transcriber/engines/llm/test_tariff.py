"""What answers cost, and that it ends."""

import pytest

from dialogs.ports import Usage
from transcriber.engines.llm.tariff import DAY, Budget, Tariff
from transcriber.errors import Misconfigured

TARIFF = Tariff.parse("gpt-4.1 2 8; gpt-4.1-mini 0.4 1.6;")


@pytest.mark.parametrize(
    ("model", "cost"),
    [("gpt-4.1", 10.0), ("gpt-4.1-mini-2026", 2.0), ("llama", 0.0)],
)
def test_the_longest_name_that_fits_has_the_price(model: str, cost: float) -> None:
    assert TARIFF.priced(Usage(1_000_000, 1_000_000), model).cost == pytest.approx(cost)


def test_what_the_service_says_itself_counts() -> None:
    told = Usage(1_000_000, 0, 0.5)
    assert TARIFF.priced(told, "gpt-4.1") is told


@pytest.mark.parametrize("text", ["gpt 1", "gpt one two", "gpt -1 2", "gpt nan 1", "1 2 3 4"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="LLM_PRICES"):
        Tariff.parse(text)


def test_the_money_of_a_day_is_there_again_on_the_next() -> None:
    now = 100.0
    budget = Budget(1.0, lambda: now)
    assert not budget.over
    budget.spend(0.6)
    assert not budget.over
    budget.spend(0.6)
    assert budget.over
    now += DAY
    assert not budget.over
    budget.spend(0.6)
    assert not budget.over


def test_without_a_limit_it_never_ends() -> None:
    budget = Budget(0.0, lambda: 0.0)
    budget.spend(1e9)
    assert not budget.over
