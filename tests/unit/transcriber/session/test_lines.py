"""Where dialogs are held: what a call can do for them, and what it cannot."""

from __future__ import annotations

import pytest

from dialogs.errors import PortFailed
from dialogs.ports import Listening, Sound, Style
from tests.fakes.call import FakeCall
from tests.fakes.stt import FakeStt
from transcriber.bus.memory import Bus
from transcriber.call import Listener, Person
from transcriber.errors import EngineError, Overloaded
from transcriber.session.attendant import Stay
from transcriber.session.lines import CallLine, Paper
from transcriber.session.session import Session


class Telephone(FakeCall):
    """A call that can be handed over, to all but one."""

    def __init__(self) -> None:
        super().__init__(silence)
        self.to: list[str] = []

    async def transfer(self, to: str) -> None:
        if to == "busy":
            raise Overloaded("the line is busy")
        self.to.append(to)


def by_meaning(language: str, engine: str) -> bool:
    """Who usually hears French understands it; of the engines, only one does."""
    if engine == "nobody":
        raise EngineError("bad_request", "there is no recogniser 'nobody'")
    return engine == "flux" or (language == "fr" and not engine)


async def silence(listener: Listener) -> None:
    listener.joined(Person("p1"))


class Place:
    def __init__(self, call: FakeCall | None = None) -> None:
        self.call, self.stt, self.shown = call or FakeCall(silence), FakeStt(), list[str]()
        self.session = Session(self.call, stt=self.stt, bus=Bus())
        self.line = CallLine(Stay(self.call, self.session, self._show), turns=by_meaning)

    async def _show(self, text: str) -> None:
        self.shown.append(text)


async def test_listening_goes_to_the_session() -> None:
    place = Place()
    place.line.listen(Listening(language="de", hints=("one",)))
    await place.session.run()
    (asked,) = place.stt.options
    assert (asked.language, asked.vocabulary) == ("de", ("one",))


@pytest.mark.parametrize(
    ("language", "engine", "end", "refused"),
    [
        ("", "", "auto", False),
        ("fr", "", "auto", False),
        ("", "", "silence", False),
        ("", "", "meaning", True),
        ("fr", "", "meaning", False),
        ("fr", "", "silence", True),
        ("fr", "local", "meaning", True),
        ("", "flux", "meaning", False),
    ],
)
async def test_an_end_of_turn_that_who_listens_does_not_have_is_refused(
    language: str, engine: str, end: str, refused: bool
) -> None:
    place = Place()
    wish = Listening(language=language, engine=engine, end_of_turn=end)
    if refused:
        with pytest.raises(PortFailed, match=f"does not end turns by {end}"):
            place.line.listen(wish)
    else:
        place.line.listen(wish)


async def test_the_engine_of_the_room_counts_where_the_dialog_names_none() -> None:
    place = Place()
    place.session.speak("en", engine="flux")
    place.line.listen(Listening(end_of_turn="meaning"))


async def test_an_engine_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PortFailed, match="no recogniser 'nobody'"):
        Place().line.listen(Listening(engine="nobody", end_of_turn="meaning"))


async def test_captions_are_shown() -> None:
    place = Place()
    await place.line.caption("one moment")
    assert place.shown == ["one moment"]


async def test_a_call_is_handed_over_where_that_is_possible() -> None:
    telephone = Telephone()
    line = Place(telephone).line
    await line.transfer("sales")
    assert telephone.to == ["sales"]
    with pytest.raises(PortFailed, match="busy"):
        await line.transfer("busy")
    with pytest.raises(PortFailed, match="cannot be transferred"):
        await Place().line.transfer("sales")


async def test_in_writing_everything_is_done_at_once() -> None:
    paper = Paper()
    paper.listen(Listening(language="de"))
    paper.expect("hello", Style())
    for said in (paper.say("hello", Style()), paper.play(Sound(file="a.wav"))):
        await said.finished()
        assert said.stop() == ""
    await paper.caption("hello")
    await paper.transfer("sales")
    await paper.hang_up("")
