"""The whole app: Nextcloud installs and drives it, and people in a real call read captions."""

from __future__ import annotations

import re
from pathlib import Path

from tests.peers import until
from tests.peers.nextcloud import SECRET, Nextcloud
from tests.peers.talk.app import ready, serving
from tests.peers.talk.captioned import AMIABLE, ROOM, Reader, reading, sentence, speaks, talking
from tests.peers.talk.programs import NEWEST

PEOPLE = ("ann", "bob", "cid")
"""Everybody in the call; so are their sessions named."""


async def press(cloud: Nextcloud, reader: str, *, on: bool) -> None:
    """Do what Talk does when somebody presses the caption button."""
    wish = {"roomToken": ROOM, "ncSessionId": reader, "enable": on}
    status, _ = await cloud.call("POST", "/api/v1/call/transcribe", wish)
    assert status == 200


async def test_from_install_to_the_last_caption(tmp_path: Path) -> None:
    async with (
        talking(NEWEST) as stack,
        Nextcloud().running() as cloud,
        serving(
            cloud,
            tmp_path,
            LT_HPB_URL=stack.url,
            LT_BACKEND_URL=stack.nextcloud.base_url,
            LT_INTERNAL_SECRET=stack.internal_secret,
            WORKERS="1",
        ) as process,
    ):
        cloud.patience = 30.0
        assert await cloud.call("POST", "/init") == (200, {})
        await until(lambda: 100 in cloud.progress)
        await ready(process)
        async with (
            reading(stack, "bob") as bob,
            reading(stack, "cid") as cid,
            speaks(stack, "ann", sentence(tmp_path)) as ann,
        ):
            await press(cloud, "nc-bob", on=True)
            await until(lambda: bob.words(ann)[-8:] == AMIABLE)
            await press(cloud, "nc-bob", on=False)
            await press(cloud, "nc-cid", on=True)
            await until(lambda: cid.words(ann)[-8:] == AMIABLE)
            await none_for(bob, cid, ann)
        assert await cloud.call("PUT", "/enabled?enabled=0") == (200, {"error": ""})
        await stack.deserted()
        assert process.running
    assert "Traceback" not in process.output
    assert not personal(process.output, SECRET, stack.internal_secret)


def personal(log: str, *secrets: str) -> list[str]:
    """Lines that tell who was there, what they said, or a secret."""
    told = re.compile(rf"\b({'|'.join([*PEOPLE, *AMIABLE[3:]])})\b", re.IGNORECASE)
    return [
        line
        for line in log.splitlines()
        if told.search(line) or any(secret in line for secret in secrets)
    ]


async def none_for(reader: Reader, other: Reader, speaker: str) -> None:
    """Another one reads on, and this one gets nothing of it."""
    before, read = len(reader.captions), len(other.words(speaker))
    await until(lambda: len(other.words(speaker)) >= read + 8)
    assert len(reader.captions) == before
