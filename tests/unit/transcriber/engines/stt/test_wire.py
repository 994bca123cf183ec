"""What an HTTP answer means."""

from datetime import UTC, datetime

import pytest

from transcriber.engines.stt.wire import LONGEST_WAIT, refusal, retry_after
from transcriber.errors import EngineProblem

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("999999", LONGEST_WAIT),
        ("", None),
        ("soon", None),
    ],
)
def test_a_time_to_wait_is_seconds_or_a_date(value: str, wait: float | None) -> None:
    assert retry_after(value, now=NOW) == wait


@pytest.mark.parametrize(
    ("status", "kind", "again"),
    [
        (401, "auth", False),
        (402, "quota", False),
        (403, "auth", False),
        (404, "bad_request", False),
        (408, "timeout", True),
        (429, "busy", True),
        (500, "engine", True),
        (503, "busy", True),
    ],
)
def test_a_status_says_whether_trying_again_helps(
    status: int, kind: EngineProblem, again: bool
) -> None:
    problem = refusal(status, {"Retry-After": "7"}, "No")
    assert (problem.kind, problem.retryable, problem.retry_after) == (kind, again, 7.0)
    assert str(status) in str(problem)
