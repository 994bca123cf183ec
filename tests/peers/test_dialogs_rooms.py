"""A dialog in a room: heard, interrupted, answered by voice and by keys, and over."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.peers import until
from tests.peers.rtc import network
from tests.peers.talking import calling, house, start, utterance
from transcriber.rtc import Media

LONG = " ".join(f"Number {number} of what I can do for you is a very long story." for number in
                ("one", "two", "three", "four", "five", "six"))  # fmt: skip
REPEATS = 2
"""How often the words are said again if they were not understood."""
FLOW = f"""
name: desk
initial_state: greet
states:
  greet:
    on_enter: [{{type: play_tts, params: {{text: "{LONG}"}}}}]
    transitions:
      - {{event: speech, condition: "{{{{ 'amiable' in event.text }}}}", target: keys}}
  keys:
    on_enter:
      - {{type: collect, params: {{digits: 2}}}}
      - {{type: play_tts, params: {{text: "You are amiable yourself."}}}}
    transitions:
      - {{event: digits, condition: "{{{{ event.digits == '42' }}}}", target: bye}}
  bye:
    on_enter: [{{type: play_tts, params: {{text: "Good bye."}}}}, {{type: hangup}}]
    terminal: true
"""


async def test_it_greets_is_interrupted_reacts_to_words_and_keys_and_hangs_up(
    tmp_path: Path,
) -> None:
    with network():
        async with house(tmp_path, FLOW) as http, Media() as media:
            room, dialog = await start(http, "desk")
            async with calling(http, media, room, dialog) as caller:
                await until(lambda: len(caller.loud) > 12)
                caller.say(utterance(13.9, 17.3))
                await until(lambda: caller.told("tts.interrupted"))
                (cut,) = caller.told("tts.interrupted")
                assert cut["text"].startswith(cut["spoken"].rstrip())
                assert 2 <= len(cut["spoken"].split()) < len(LONG.split()) / 2
                before = len(caller.loud)
                for _ in range(REPEATS):  # on a machine that is starved, words get lost
                    with contextlib.suppress(TimeoutError):
                        await caller.state("keys", seconds=15)
                        break
                    caller.say(utterance(13.9, 17.3))
                await caller.state("keys")
                await until(lambda: len(caller.loud) > before + 8)
                for key in "42":
                    await caller.press(key)
                await until(lambda: caller.told("dialog.ended"))
                (over,) = caller.told("dialog.ended")
                assert (over["state"], over["reason"]) == ("bye", "hangup")
                await until(lambda: caller.visitor.find("left"))
