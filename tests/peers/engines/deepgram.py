"""Deepgram's `/v1/listen` and `/v2/listen`, as its documentation describes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractAsyncContextManager

from aiohttp import web

from tests.peers.engines.ear import Ear, Said, Spoken
from tests.peers.engines.server import Mischief, Server, serving
from transcriber.engines.stt.wire import Message

__all__ = ["flux", "nova"]


def nova(mischief: Mischief | None = None) -> AbstractAsyncContextManager[Server]:
    return serving("/v1/listen", Nova, mischief)


def flux(mischief: Mischief | None = None) -> AbstractAsyncContextManager[Server]:
    return serving("/v2/listen", Flux, mischief)


class Nova:
    def __init__(self, request: web.Request) -> None:
        assert request.query["encoding"] == "linear16"
        self.over = False
        self._interims = request.query.get("interim_results") == "true"
        self._language = request.query["language"]
        self._ear = Ear(int(request.query["sample_rate"]))

    def greet(self) -> Iterable[Message]:
        return ()

    def hear(self, message: Message) -> Iterator[Message]:
        if isinstance(message, bytes):
            for said in self._ear.pcm(message):
                yield from self._tell(said)
            return
        match json.loads(message)["type"]:
            case "Finalize":
                for said in self._ear.over():
                    yield self._results(said, from_finalize=True)
            case "CloseStream":
                for said in self._ear.over():
                    yield self._results(said)
                yield json.dumps(
                    {
                        "type": "Metadata",
                        "request_id": "r",
                        "duration": self._ear.now,
                        "channels": 1,
                    }
                )
                self.over = True
            case kind:
                assert kind == "KeepAlive"

    def _tell(self, said: Said) -> Iterator[Message]:
        if len(said.words) == 1 and not said.final:
            yield json.dumps({"type": "SpeechStarted", "timestamp": said.words[0].start})
        if said.final or self._interims:
            yield self._results(said)
        if said.final:
            last = said.words[-1].end
            yield json.dumps({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last})

    def _results(self, said: Said, *, from_finalize: bool = False) -> str:
        start, end = said.words[0].start, said.words[-1].end
        best = {
            "transcript": f"{said.text.capitalize()}.",
            "confidence": 0.98,
            "languages": [self._language],
            "words": [_word(word) for word in said.words],
        }
        return json.dumps(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "start": start,
                "duration": end - start,
                "is_final": said.final,
                "speech_final": said.final,
                "from_finalize": from_finalize,
                "channel": {"alternatives": [best]},
                "metadata": {"request_id": "r", "model_info": {}, "model_uuid": "m"},
            }
        )


def _word(word: Spoken) -> dict[str, object]:
    return {
        "word": word.text,
        "punctuated_word": word.text,
        "start": word.start,
        "end": word.end,
        "confidence": 0.9,
    }


class Flux:
    def __init__(self, request: web.Request) -> None:
        self.over = False
        self._ear = Ear(int(request.query["sample_rate"]))
        self._turn = 0

    def greet(self) -> Iterable[Message]:
        yield json.dumps({"type": "Connected", "request_id": "r", "sequence_id": 0})

    def hear(self, message: Message) -> Iterator[Message]:
        if isinstance(message, bytes):
            before = self._ear.frames
            told = False
            for said in self._ear.pcm(message):
                told = True
                yield self._info(said)
            if not told and self._ear.frames // 3 > before // 3:
                yield self._info(Said((), final=False, at=self._ear.now))
            return
        match json.loads(message)["type"]:
            case "ForceEndTurn":
                yield from map(self._info, self._ear.over())
            case kind:
                assert kind == "CloseStream"
                self.over = True

    def _info(self, said: Said) -> str:
        event = "EndOfTurn" if said.final else "StartOfTurn" if len(said.words) == 1 else "Update"
        turn, self._turn = self._turn, self._turn + said.final
        return json.dumps(
            {
                "type": "TurnInfo",
                "request_id": "r",
                "sequence_id": 1,
                "event": event,
                "turn_index": turn,
                "audio_window_start": said.words[0].start if said.words else said.at,
                "audio_window_end": said.at,
                "transcript": said.text,
                "words": [_word(word) for word in said.words],
                "end_of_turn_confidence": 0.9 if said.final else 0.1,
            }
        )
