"""The account a template draws on."""

import pytest

from dialogs.errors import TemplateError
from dialogs.program import MAX_NUMBER, MAX_OUTPUT, Scope, run_all


def test_output_has_an_end() -> None:
    scope = Scope({})
    run_all([lambda scope: scope.write("x" * MAX_OUTPUT)], scope)
    with pytest.raises(TemplateError, match="writes more than"):
        scope.write("x")


def test_work_has_an_end() -> None:
    with pytest.raises(TemplateError, match="takes too long"):
        list(Scope({}).turns(range(100_000), 1))


@pytest.mark.parametrize("value", ["x", [1], {"a": 1}, 5, 2.5, None, True])
def test_what_is_small_may_be_held(value: object) -> None:
    assert Scope({}).pay(value) is value


@pytest.mark.parametrize("value", ["x" * (MAX_OUTPUT + 1), MAX_NUMBER, -MAX_NUMBER])
def test_what_is_large_may_not(value: object) -> None:
    with pytest.raises(TemplateError, match="too l"):
        Scope({}).pay(value)


def test_a_loop_over_little_is_gone_through() -> None:
    assert list(Scope({}).turns([1, 2], 3)) == [1, 2]
