"""Publishing is calling."""

from structlog.testing import capture_logs

from transcriber.bus.memory import Bus
from transcriber.events import (
    CallStarted,
    CallTerminated,
    Event,
    Started,
    Terminated,
)

STARTED = CallStarted(session_id="s", data=Started(room="r"))
OVER = CallTerminated(session_id="s", data=Terminated(room="r", reason="ended", duration_ms=1))


def test_each_gets_what_they_asked_for_in_order() -> None:
    bus = Bus()
    seen: list[tuple[str, Event]] = []
    bus.subscribe(CallStarted, lambda event: seen.append(("one", event)))
    bus.subscribe(Event, lambda event: seen.append(("all", event)))
    bus.publish(STARTED)
    bus.publish(OVER)
    assert seen == [("one", STARTED), ("all", STARTED), ("all", OVER)]


def test_who_stops_gets_nothing_more() -> None:
    bus = Bus()
    seen: list[Event] = []
    stop = bus.subscribe(CallStarted, seen.append)
    stop()
    bus.publish(STARTED)
    assert seen == []


def test_a_broken_subscriber_is_logged_and_disturbs_nobody() -> None:
    bus = Bus()
    seen: list[Event] = []
    bus.subscribe(CallStarted, lambda event: 1 / 0)
    bus.subscribe(CallStarted, seen.append)
    with capture_logs() as logs:
        bus.publish(STARTED)
    assert seen == [STARTED]
    assert [line["event"] for line in logs] == ["subscriber failed"]
