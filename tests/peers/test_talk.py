"""Captions in a real call: real speech through a real Janus, shown to exactly those who asked."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hpb import Entered, Left, Request
from tests.conformance.stt import hear, text
from tests.peers import require, until
from tests.peers.hpb_stack import HpbStack
from tests.peers.speech import WORDS, blocks, convert, error_rate, plain, samples
from tests.peers.talk.audio import Microphone, tone
from tests.peers.talk.browser import browsing
from tests.peers.talk.captioned import AMIABLE, ROOM, Place, captioned, sentence, talking
from tests.peers.talk.counting import Counting
from tests.peers.talk.media import speaking
from tests.peers.talk.programs import GENERATIONS, NEWEST
from tests.peers.talk.proxy import Proxy
from tests.peers.talk.watch import watch
from transcriber.engines.stt.base import Stt
from transcriber.engines.stt.local import Local, LocalOptions

SPEAKERS = ("ann", "dan", "eve")


@pytest.fixture
async def local() -> AsyncIterator[Stt]:
    async with Local(LocalOptions()) as engine:
        yield engine


@pytest.fixture(params=GENERATIONS)
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[HpbStack]:
    async with talking(request.param) as running:
        yield running


async def test_captions_reach_exactly_those_who_asked(local: Stt, tmp_path: Path) -> None:
    amiable, other = sentence(tmp_path), sentence(tmp_path, 0.0, 8.2)
    async with talking(NEWEST) as stack, captioned(stack, local) as place:
        bob, cid = await place.reader("bob"), await place.reader("cid", asks=False)
        async with (
            place.speaker("ann", amiable) as ann,
            place.speaker("eve", other) as eve,
        ):
            await until(lambda: bob.words(ann)[-8:] == AMIABLE and len(bob.words(eve)) > 8)
        assert not set(AMIABLE[4:]) & set(bob.words(eve))
        assert [final for _, _, final in bob.captions].count(False) > 1
        assert bob.speakers == {ann, eve}
        assert cid.captions == []


async def test_a_cut_is_not_noticed_by_readers(stack: HpbStack) -> None:
    async with Proxy(stack.port) as proxy, captioned(stack, Counting(), url=proxy.url) as place:
        bob = await place.reader("bob")
        async with place.speaker("ann", tone(700)) as ann:
            await bob.reads_on(ann)
            proxy.cut()
            await bob.reads_on(ann)
            assert len({*bob.finals(ann)}) == len(bob.finals(ann))
        assert not [event for event in bob.person.seen if isinstance(event, Left)][1:]
    assert len(place.calls) == 1


async def test_a_speaker_who_comes_back_is_heard_again(stack: HpbStack) -> None:
    async with captioned(stack, Counting()) as place:
        bob = await place.reader("bob")
        for _ in range(2):
            async with place.speaker("ann", tone(700)) as ann:
                await bob.reads_on(ann)


@pytest.fixture
def rsa(tmp_path: Path) -> str:
    """What tells Janus to show a certificate that is an RSA one."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            require("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
            "-subj", "/CN=janus", "-out", certificate, "-keyout", key,
        ],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return f'certificates: {{ cert_pem = "{certificate}", cert_key = "{key}" }}\n'


async def test_a_media_server_may_have_an_rsa_certificate(rsa: str) -> None:
    """Its ciphers want ECDSA of the DTLS server alone, and that is us."""
    async with talking(NEWEST, janus=rsa) as stack, captioned(stack, Counting()) as place:
        bob = await place.reader("bob")
        async with place.speaker("ann", tone(700)) as ann:
            await bob.reads_on(ann)


async def test_who_asks_late_reads_from_then_on(stack: HpbStack) -> None:
    async with captioned(stack, Counting()) as place:
        bob = await place.reader("bob")
        async with place.speaker("ann", tone(700)) as ann:
            await bob.reads_on(ann)
            await place.captions.read(ROOM, "nc-dan")
            dan = await place.reader("dan", asks=False)
            await dan.reads_on(ann)
            assert not {*dan.finals(ann)} & {*bob.finals(ann)[:2]}
            await place.captions.stop_reading(ROOM, "nc-bob")
            await dan.reads_on(ann)  # what was on its way has arrived
            read = len(bob.captions)
            await dan.reads_on(ann)
            assert len(bob.captions) == read


async def test_it_leaves_when_the_call_ends_for_all(stack: HpbStack, local: Stt) -> None:
    async with captioned(stack, local) as place:
        await place.reader("bob")
        async with place.speaker("ann", tone(700)):
            await until(lambda: place.calls and place.calls[0]._roster.speakers)
            await stack.nextcloud.end_call(ROOM)
            async with asyncio.timeout(30):
                while await place.captions.wishes():  # noqa: ASYNC110 - nobody tells us
                    await asyncio.sleep(0.1)


async def test_a_telephone_is_captioned_under_its_own_name(
    stack: HpbStack, local: Stt, tmp_path: Path
) -> None:
    phone = {
        "sessionid": "phone-1",
        "roomid": ROOM,
        "userid": "",
        "user": {"displayname": "+49 30 901820"},
        "flags": 0,
        "incall": 9,
    }
    async with captioned(stack, local) as place, watch(stack.bot(ROOM)) as (bridge,):
        bob = await place.reader("bob")
        bridge.hpb.set_in_call(3)
        await bridge.hpb.send(Request("internal", {"type": "addsession", "addsession": phone}))
        async with speaking(bridge, sentence(tmp_path)):
            await until(lambda: any(final for _, _, final in bob.captions))
        people = [event.members for event in bob.person.seen if isinstance(event, Entered)]
        (there,) = (one for members in people for one in members if one.name == "+49 30 901820")
        assert bob.speakers == {there.session_id}


def heard(place: Place) -> int:
    """How many people's sound comes in."""
    return sum(one._heard for call in place.calls for one in call._subscriptions.values())


async def test_what_arrives_is_what_the_recogniser_hears_in_the_file(
    stack: HpbStack, tmp_path: Path
) -> None:
    whole = samples()[0].size / samples()[1]
    finals = LocalOptions(LOCAL_PARTIAL_SECONDS=0)  # three at once, on any machine
    async with Local(finals) as local, captioned(stack, local) as place:
        file = error_rate(WORDS, plain(text(await hear(local, blocks()))))
        bob, cid = await place.reader("bob"), await place.reader("cid")
        fay = await place.reader("fay", asks=False)
        async with AsyncExitStack() as people:
            voices = {name: Microphone(sentence(tmp_path, 0.0, whole)) for name in SPEAKERS}
            speakers = [
                await people.enter_async_context(place.speaker(name, voice))
                for name, voice in voices.items()
            ]
            await until(lambda: heard(place) == len(SPEAKERS))
            for voice in voices.values():
                voice.say()
            await asyncio.sleep(whole + 1)
            readers = [(reader, one) for reader in (bob, cid) for one in speakers]
            await until(lambda: all(len(a.words(b)) >= len(WORDS) - 3 for a, b in readers))
        for speaker in speakers:
            said = bob.words(speaker)[: len(WORDS)]
            assert error_rate(WORDS, said) <= file + 2
            assert cid.words(speaker)[: len(said)] == said
        assert fay.captions == []


async def test_somebody_in_a_browser_is_heard_and_reads(tmp_path: Path) -> None:
    speech = convert(tmp_path / "speech.wav", "-ar", "48000", "-ac", "1", "-t", "8")
    async with talking(NEWEST) as stack, captioned(stack, Counting()) as place:
        bob = await place.reader("bob")
        await place.captions.read(ROOM, "nc-ann")
        async with (
            place.speaker("eve", tone(700)),
            browsing(stack, "ann", ROOM, speech) as (browser, _),
        ):
            await until(lambda: len(bob.words(browser.session_id)) > 12)
            while "of stream" not in (await browser.until("caption"))["shown"]:
                pass
