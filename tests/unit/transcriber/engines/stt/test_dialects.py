"""Whatever a provider says is understood or refused; nothing else can come of it."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.engines.stt.base import StreamOptions
from transcriber.engines.stt.deepgram import Flux, Nova
from transcriber.engines.stt.ibm import Recognitions
from transcriber.engines.stt.kyutai import Moshi, OwnService
from transcriber.engines.stt.openai import Realtime
from transcriber.engines.stt.vosk import Conversation
from transcriber.engines.stt.wire import Dialect, Padding
from transcriber.errors import EngineError

DIALECTS: dict[str, Callable[[], Dialect]] = {
    "nova": lambda: Nova(StreamOptions()),
    "flux": lambda: Flux(StreamOptions()),
    "own": lambda: OwnService(StreamOptions()),
    "moshi": lambda: Moshi(StreamOptions()),
    "realtime": lambda: Realtime(StreamOptions(), "m"),
    "ibm": lambda: Recognitions(StreamOptions()),
    "vosk": lambda: Conversation(StreamOptions()),
}
KINDS = [
    *("Results", "SpeechStarted", "Metadata", "Error", "TurnInfo", "ready", "word", "segment"),
    *("flushed", "end", "error", "step", "token", "Ready", "Word", "EndWord", "Step", "Marker"),
    *("input_audio_buffer.speech_started", "input_audio_buffer.committed"),
    *("conversation.item.input_audio_transcription.delta", "session.created"),
    "conversation.item.input_audio_transcription.completed",
]
KEYS = [
    *(
        "text",
        "start",
        "end",
        "time",
        "id",
        "reason",
        "message",
        "retry_after",
        "partial",
        "result",
    ),
    *("transcript", "words", "channel", "event", "audio_window_start", "audio_window_end", "delta"),
    *("item_id", "audio_start_ms", "error", "start_time", "stop_time", "prs", "step_idx", "final"),
    *("results", "alternatives", "timestamps", "word_confidence", "state"),
]
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 9) | st.sampled_from(["", "hi"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=4,
)
bodies = st.dictionaries(st.sampled_from(KEYS), values).flatmap(
    lambda body: st.sampled_from(KINDS).map(lambda kind: {"type": kind} | body)
)
messages = (
    bodies.map(json.dumps)
    | bodies.map(msgpack.packb)
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | values.map(json.dumps)
)


@pytest.mark.parametrize("name", DIALECTS)
@given(said=st.lists(messages, max_size=6))
def test_any_message_is_understood_or_refused(name: str, said: list[str | bytes]) -> None:
    dialect = DIALECTS[name]()
    try:
        for message in said:
            list(dialect.heard(message))
        list(dialect.rest())
    except EngineError:
        return


def test_silence_of_ours_is_no_time_of_the_speaker() -> None:
    clock = Padding()
    clock.passed(2.0)
    clock.inserted(1.0)
    clock.passed(2.0)
    assert clock.sent == 4.0
    assert [clock.ours(at) for at in (1.0, 2.5, 3.0, 4.0)] == [1.0, 2.0, 2.0, 3.0]
