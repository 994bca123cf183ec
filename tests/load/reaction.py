"""
How soon an agent answers and falls silent, as a listener in a room hears it:
`python -m tests.load.reaction --turns 20 --json`.

The service runs as its users run it, with the embedded recogniser and voice; somebody speaks real
sentences over WebRTC. An answer is a text that was never said before, from an OpenAI-compatible
server that needs no time. What is measured begins with the last sound of a sentence and ends when
the first sound of the answer has come; for an interruption, it begins with the first sound of a
sentence (`stop`: two of three begin with a breath) or with its first word (`stop_word`), or when it
is known that somebody speaks (`stop_known`), and ends with the last sound of the agent. A breath
takes a quarter of a second, and no voice detector takes it for a voice. The parts:

* `endpointing`: the pause after which a sentence counts as over, a rule of the recogniser;
* `recogniser`: from then until the words are there;
* `model`: from the words to the text of the answer, over the network and back;
* `voice`: from the text to its first sound;
* `transport`: one way between a speaker and a listener, there and back.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import math
import statistics
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.load.report import Bar, finish, parser
from tests.peers import until
from tests.peers.engines.llm import chunk
from tests.peers.engines.server import hosting
from tests.peers.rtc import network
from tests.peers.talking import (
    ADMIN,
    WORD,
    Caller,
    Utterance,
    calling,
    house,
    onsets,
    start,
    utterance,
)
from tests.peers.visitor import Visitor
from transcriber.audio.block import SECONDS
from transcriber.engines.segments import Rules
from transcriber.rtc import Media

TALE = " ".join(f"This is line {number} of a tale that never ends." for number in range(1, 40))
FLOW = f"""
name: reaction
initial_state: answer
agents:
  host: {{instructions: You count., max_turns: 0, silence: 1h}}
states:
  answer:
    on_enter: [{{type: run_agent, params: {{agent: host}}}}]
    transitions:
      - {{event: custom.tell, target: tale}}
  tale:
    on_enter: [{{type: play_tts, params: {{text: "{TALE}"}}}}]
    transitions:
      - {{event: tts_interrupted, target: answer}}
"""
SENTENCES = ((14.2, 17.99), (0.6, 7.4), (8.4, 13.4))
"""Where sentences of the sample are, in seconds."""
QUIET = 0.6
"""Seconds without a sound after which the dialog has stopped, and not only paused."""
HEARING = 1.5
"""Seconds of the tale before it is interrupted."""
PACKET = 0.02
"""Seconds of sound that travel together."""
ENDPOINTING = Rules().end_silence

Figures = dict[str, float]


class _Talk:
    """A caller who measures, and a second listener who tells how long sound travels."""

    def __init__(self, http: aiohttp.ClientSession, caller: Caller, other: Visitor) -> None:
        self._http, self._caller, self._other = http, caller, other
        self._turn = 0

    async def answer(self) -> Figures:
        """Say a sentence, and measure how soon the answer comes, part by part."""
        caller, (said, known, travelled) = self._caller, self._say()
        await until(lambda: self._at("speech.final", known))
        before = len(caller.loud)
        await until(lambda: len(caller.loud) > before)
        await until(lambda: self._at("tts.completed", known))
        over, heard = caller.said + said.ends, caller.loud[before]
        words, text = (self._at(kind, known)[0] for kind in ("speech.final", "tts.started"))
        way = travelled()
        return {
            "reaction": heard - over,
            "endpointing": ENDPOINTING,
            "recogniser": words - over - ENDPOINTING - way,
            "model": text - words,
            "voice": heard - text - way,
            "transport": 2 * way,
        }

    async def interrupt(self) -> Figures:
        """Speak while the dialog does, and measure how long it is still heard."""
        caller, before = self._caller, len(self._caller.loud)
        path = f"/api/v1/dialogs/sessions/{caller.dialog}/events"
        async with self._http.post(path, json={"type": "custom.tell"}, headers=ADMIN) as told:
            told.raise_for_status()
        await until(lambda: len(caller.loud) > before + HEARING / SECONDS)
        said, known, _ = self._say()
        await until(lambda: self._at("tts.interrupted", known))
        await asyncio.sleep(QUIET)
        stopped = caller.visitor.arrived[-1]
        await until(lambda: self._at("tts.completed", known))
        begun, word = caller.said + said.begins, caller.said + said.speaks
        detected = self._at("speech.started", known)[0]
        return {
            "stop": stopped - begun,
            "stop_word": stopped - word,
            "stop_known": stopped - detected,
            "detection": detected - begun,
        }

    def _say(self) -> tuple[Utterance, int, Callable[[], float]]:
        caller, said = self._caller, utterance(*SENTENCES[self._turn % len(SENTENCES)])
        self._turn += 1
        known, heard = len(caller.happened), len(self._heard())
        caller.say(said)
        sent = (said.speaks // PACKET + 1) * PACKET
        return said, known, lambda: self._heard()[heard] - caller.said - sent

    def _heard(self) -> list[float]:
        """When words came to the other: how loud a breath is when it comes, nobody knows."""
        return onsets(self._other.hear(self._caller.track), WORD)

    def _at(self, kind: str, known: int) -> list[float]:
        return [at for at, event in self._caller.happened[known:] if event["type"] == kind]


@contextlib.asynccontextmanager
async def _counting() -> AsyncIterator[str]:
    """A model that answers at once, and each time with other words; yields its address."""
    numbers = itertools.count(1)

    async def answer(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for word in ("You ", "said ", f"{next(numbers)} ", "things."):
            await response.write(
                b"data: " + json.dumps(chunk({"content": word})).encode() + b"\n\n"
            )
        await response.write(b"data: [DONE]\n\n")
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    async with hosting(app) as url:
        yield f"{url}/v1"


async def _measure(turns: int, folder: Path) -> Figures:
    with network():
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(_counting())
            serving = house(
                folder, FLOW, LLM_BACKEND="compatible", LLM_URL=url, LLM_MODEL="counting"
            )
            http = await stack.enter_async_context(serving)
            media = await stack.enter_async_context(Media())
            room, dialog = await start(http, "reaction")
            async with (
                calling(http, media, room, dialog) as caller,
                calling(http, media, room, dialog, name="Bo") as other,
            ):
                talk = _Talk(http, caller, other.visitor)
                await talk.answer()
                answers = [await talk.answer() for _ in range(turns)]
                stops = [await talk.interrupt() for _ in range(turns)]
    return _figures(answers) | _figures(stops) | {"turns": turns}


def _figures(measured: Sequence[Figures]) -> Figures:
    figures = {}
    for name in measured[0]:
        values = sorted(1000 * one[name] for one in measured)
        figures[f"{name}_ms_p50"] = statistics.median(values)
        figures[f"{name}_ms_p95"] = values[math.ceil(0.95 * len(values)) - 1]
    return figures


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--turns", type=int, default=20, help="answers, and interruptions")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(_measure(given.turns, Path(folder)))
    bars = [
        Bar("reaction_ms_p95", figures["reaction_ms_p95"], "<=", 900),
        Bar("stop_ms_p95", figures["stop_ms_p95"], "<=", 300),
        Bar("stop_word_ms_p95", figures["stop_word_ms_p95"], "<=", 300),
        Bar("stop_known_ms_p95", figures["stop_known_ms_p95"], "<=", 150),
    ]
    return finish("reaction", figures, bars, as_json=given.json)


if __name__ == "__main__":
    raise SystemExit(main())
