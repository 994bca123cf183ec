"""Administrators learn what went wrong lately, and what is set wrongly."""

from __future__ import annotations

from dataclasses import replace

from tests.fakes.store import MemoryStore
from tests.fakes.stt import FakeStt
from transcriber.app.form import Form
from transcriber.app.house import House
from transcriber.app.troubles import LATELY, MOST, Troubles, of_settings
from transcriber.bus.memory import Bus
from transcriber.config import load
from transcriber.errors import Misconfigured
from transcriber.events import ErrorHappened, Failure


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def fail(bus: Bus, code: str, message: str = "no") -> None:
    bus.publish(ErrorHappened(session_id="s", data=Failure(code=code, message=message)))


def test_what_went_wrong_is_remembered_for_an_hour() -> None:
    bus, clock = Bus(), Clock()
    troubles = Troubles(bus, now=clock)
    fail(bus, "unheard")
    fail(bus, "signaling_refused", "check the secret")
    clock.now += 10
    fail(bus, "unheard", "nothing came")
    found = troubles.lately()
    assert found["unheard"].shown == "nothing came (seen 2 times in the last hour)"
    assert [found[code].level for code in ("unheard", "signaling_refused")] == ["warning", "error"]
    clock.now += LATELY - 5
    assert set(troubles.lately()) == {"unheard"}
    clock.now += 10
    assert troubles.lately() == {}


def test_it_is_not_remembered_without_end() -> None:
    bus = Bus()
    troubles = Troubles(bus)
    for number in range(2 * MOST):
        fail(bus, f"code{number}")
    assert len(troubles.lately()) == MOST
    troubles.close()


def test_what_is_set_wrongly_is_said() -> None:
    class Broken(FakeStt):
        def unusable(self) -> str:
            return "no model"

    settings = load({"SKIP_CERT_VERIFY": "1"})
    house = House(settings, Bus(), Broken(), MemoryStore())
    house = replace(house, form=Form(problems=(Misconfigured("ASR_LANGUAGE", "is not valid"),)))
    found = of_settings(house)
    assert set(found) == {"recogniser", "certificates", "form_asr_language"}
    assert found["recogniser"].shown == "Nothing can be recognised: no model"


def test_a_well_set_service_says_nothing() -> None:
    assert of_settings(House(load({}), Bus(), FakeStt(), MemoryStore())) == {}
