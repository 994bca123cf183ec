"""
What is being said and what is still to be said, in order, while listening goes on.

Speaking is a task of its own: nobody waits for it who does not want to, and a voice or a key can
stop it between any two samples. What was stopped is told with the part that was heard.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dialogs.errors import VoiceFailed
from dialogs.machine import Event
from dialogs.ports import Observe, Playback

__all__ = ["Mouth", "Utterance"]

Fate = Literal["waiting", "playing", "heard", "interrupted", "failed"]
QUEUE = 200
"""Utterances that may wait; more is a flow gone wild."""


@dataclass(slots=True)
class Utterance:
    """Something to say or to play, and what became of it."""

    text: str
    begin: Callable[[], Playback]
    barge_in: bool = True
    voice: str = ""
    expect: Callable[[], None] = lambda: None
    """Makes ready what takes time, as soon as it is the next."""
    fate: Fate = "waiting"
    heard: str = ""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, fate: Fate, heard: str = "") -> None:
        """Note what became of it."""
        self.fate, self.heard = fate, heard
        self.over.set()


class Mouth:
    """Says one thing after the other; `tell` learns of `tts_complete` and the like."""

    def __init__(self, tell: Callable[[Event], None], observe: Observe) -> None:
        self._tell = tell
        self._observe = observe
        self._waiting: deque[Utterance] = deque()
        self._playing: tuple[Utterance, Playback] | None = None
        self._filled = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def speaking(self) -> bool:
        """Whether something is being said or waits to be."""
        return not self._quiet.is_set()

    async def quiet(self) -> None:
        """Wait until everything was said, or stopped."""
        await self._quiet.wait()

    def add(self, utterance: Utterance) -> Utterance:
        """Say it after everything else; raises `VoiceFailed` when too much waits already."""
        if len(self._waiting) >= QUEUE:
            raise VoiceFailed("too much is waiting to be said")
        self._waiting.append(utterance)
        if self._playing and len(self._waiting) == 1:
            utterance.expect()
        self._filled.set()
        self._quiet.clear()
        return utterance

    def interrupt(self, *, force: bool = False) -> None:
        """Be silent at once, but for what must not be interrupted."""
        playing = self._playing
        if playing and not (playing[0].barge_in or force):
            return
        stopped = [one for one in self._waiting if one.barge_in or force]
        for utterance in stopped:
            self._waiting.remove(utterance)
            utterance.end("interrupted")
        if playing:
            playing[0].end("interrupted", playing[1].stop())
        if playing or stopped:
            self._told_interrupted(playing[0] if playing else stopped[0])

    async def run(self) -> None:
        """Speak until cancelled."""
        while True:
            await self._filled.wait()
            while self._waiting:
                await self._say(self._waiting.popleft())
            self._filled.clear()
            self._quiet.set()

    async def _say(self, utterance: Utterance) -> None:
        data = {"text": utterance.text, "voice": utterance.voice}
        try:
            await self._play(utterance, data)
        except VoiceFailed as error:
            utterance.end("failed")
            self._tell(Event("action_error", {"action": "play_tts", "error": str(error)}))
            return
        finally:
            self._playing = None
        if not utterance.over.is_set():
            utterance.end("heard", utterance.text)
            self._observe("tts.completed", data)
            if not self._waiting:
                self._tell(Event("tts_complete", {"text": utterance.text}))

    async def _play(self, utterance: Utterance, data: Mapping[str, object]) -> None:
        playback = utterance.begin()
        self._playing = (utterance, playback)
        utterance.fate = "playing"
        self._observe("tts.started", data)
        if self._waiting:
            self._waiting[0].expect()
        try:
            await playback.finished()
        except asyncio.CancelledError:
            playback.stop()
            raise

    def _told_interrupted(self, utterance: Utterance) -> None:
        data = {"text": utterance.text, "spoken": utterance.heard, "voice": utterance.voice}
        self._observe("tts.interrupted", data)
        self._tell(Event("tts_interrupted", data))
