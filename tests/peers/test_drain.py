"""SIGTERM while somebody speaks: they are heard out, and what they said is on disk at the end."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import webhooks
from tests.load.processes import Tree
from tests.load.speech import speech
from tests.peers import until
from tests.peers.rtc import network
from tests.peers.service import ready, service
from tests.peers.test_web import TOKEN
from tests.peers.visitor import visiting
from transcriber.rtc import Clip, Media
from transcriber.store import open_store
from transcriber.transcripts.archive import Archive

BEGINS, ENDS = 13.9, 17.3
"""Where in the sample there is a sentence, in seconds."""


def served() -> int:
    """Return the process of the service, our child."""
    ours = Tree(os.getpid()).children()
    (pid,) = (one for one in ours if b"\0serve\0" in Path(f"/proc/{one}/cmdline").read_bytes())
    return pid


async def test_whoever_speaks_when_it_is_to_end_is_heard_out_and_kept(tmp_path: Path) -> None:
    env = {"DATA_DIR": str(tmp_path), "TRANSCRIPTS": "true", "WORKERS": "1"}
    with network():
        async with service(env=env) as (http, _), Media() as media:

            async def ask(method: str, path: str, **body: Any) -> Any:
                async with http.request(method, path, json=body, headers=TOKEN) as answer:
                    assert answer.status < 300, await answer.text()
                    return await answer.json()

            await ready(http)
            room = (await ask("POST", "/api/v1/rooms"))["id"]
            await ask(
                "POST", "/api/v1/webhooks", url="https://a.example", event_types=["speech.final"]
            )
            await ask("PUT", f"/api/v1/transcript-consents/{room}", keep=True, title="Desk")
            wish = {"grants": ["join", "publish", "subscribe"]}
            token = (await ask("POST", f"/api/v1/rooms/{room}/tokens", **wish))["token"]
            async with visiting(http, media, room) as ann:
                await ann.join(token, name="Ann")
                await ann.say("captions", on=True)
                await ann.publish()
                ann.sender.play(Clip.of(speech()[round(BEGINS * 24_000) : round(ENDS * 24_000)]))
                await ann.next("caption")
                process = served()
                os.kill(process, signal.SIGTERM)
                await until(lambda: ann.socket.closed)
                shown = ann.find("caption")[-1]
            await until(lambda: not Path(f"/proc/{process}").exists(), seconds=60)
    url = f"sqlite:///{tmp_path}/transcriber.db"
    async with open_store(url) as store, webhooks.open_store(url) as hooks:
        (kept,) = await Archive(store).page()
        lines = [(one.id, one.value["said"]["transcript"]) for one in await store.read(kept.stream)]
        (hook,) = await hooks.endpoints(limit=9)
        told = [json.loads(one.message.body) for one in await hooks.deliveries(hook.id, limit=9)]
    assert sorted((one["id"], one["data"]["transcript"]) for one in told) == sorted(lines)
    assert (shown["final"], shown["text"]) == (True, lines[-1][1])
