"""Events of calls."""

from __future__ import annotations

import pytest

from tests.unit.transcriber.events.envelopes import travels
from transcriber import events
from transcriber.events import Event

WORDS = (events.SpokenWord(text="hello", start_ms=0, end_ms=400),)
SAID = events.Speech(
    room="r", person_id="p", transcript="hello", language="en", start_ms=0, end_ms=400, words=WORDS
)
PRESENCE = events.Presence(room="r", person_id="p")
TRACK = events.Track(room="r", person_id="p", track_id="t", kind="audio")
EXAMPLES: list[Event] = [
    events.CallStarted(session_id="s", data=events.Started(room="r", protocol="talk")),
    events.CallTerminated(
        session_id="s", data=events.Terminated(room="r", reason="ended", duration_ms=9)
    ),
    events.SpeechPartial(session_id="s", data=SAID),
    events.SpeechFinal(session_id="s", data=SAID),
    events.TurnEnded(session_id="s", data=events.Finish(room="r", person_id="p", at_ms=9)),
    events.DtmfReceived(session_id="s", data=events.Pressed(key="1", digit=49)),
    events.TranscriptStarted(
        session_id="s", data=events.TranscriptBegun(room="r", transcript_id="trn_1")
    ),
    events.TranscriptEnded(
        session_id="s", data=events.TranscriptOver(room="r", transcript_id="trn_1", lines=2)
    ),
    events.PersonJoined(session_id="s", data=PRESENCE),
    events.PersonLeft(session_id="s", data=PRESENCE),
    events.SpeechStarted(session_id="s", data=events.Beginning(room="r", person_id="p", at_ms=9)),
    events.ErrorHappened(session_id="s", data=events.Failure(code="c", message="m")),
    events.TrackPublished(session_id="s", data=TRACK),
    events.TrackUnpublished(session_id="s", data=TRACK),
    events.SpeakerChanged(
        session_id="s",
        data=events.ActiveSpeakers(
            room="r", speakers=(events.Loudness(person_id="p", audio_level=7),)
        ),
    ),
]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_it_travels_in_the_envelope_and_comes_back(event: Event) -> None:
    travels(event)
