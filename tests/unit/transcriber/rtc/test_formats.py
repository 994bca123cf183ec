"""What two sides agree on, and the servers that help them."""

from __future__ import annotations

import pytest

from transcriber.errors import BadInput, Misconfigured
from transcriber.rtc import formats, ice, rtp, sdp

OPUS = sdp.Codec(111, "opus/48000", "stereo=1")
THEIRS = sdp.Section(
    "audio",
    direction="sendrecv",
    codecs=(
        sdp.Codec(0, "pcmu/8000"),
        OPUS,
        sdp.Codec(63, "red/48000", "111/111"),
        sdp.Codec(112, "rtx/48000", "apt=111"),
        sdp.Codec(113, "rtx/48000", "apt=7;x"),
        sdp.Codec(114, "rtx/48000"),
        sdp.Codec(13, "cn/8000"),
        sdp.Codec(105, "cn/16000"),
        sdp.Codec(110, "telephone-event/48000"),
        sdp.Codec(96, "vp8/90000"),
    ),
    extensions=((4, rtp.AUDIO_LEVEL),),
)


def test_opus_comes_first_and_everything_readable_is_taken() -> None:
    agreed = formats.agree(THEIRS, hear=True, speak=True)
    assert [codec.payload_type for codec in agreed.codecs] == [111, 0, 63, 112, 13, 110]
    assert "useinbandfec=1" in agreed.codecs[0].parameters
    assert agreed.formats.codecs == {111: "opus/48000", 0: "pcmu/8000"}
    assert agreed.formats.red == {63}
    assert agreed.formats.noise == {13}
    assert agreed.formats.keys == {110}
    assert agreed.formats.again == {112: 111}
    assert agreed.formats.level == 4
    assert (agreed.hear, agreed.speak, agreed.opus) == (True, True, 111)


@pytest.mark.parametrize(
    ("direction", "hear", "speak", "ours"),
    [
        ("sendrecv", True, True, "sendrecv"),
        ("sendonly", True, True, "recvonly"),
        ("recvonly", True, True, "sendonly"),
        ("sendrecv", False, True, "sendonly"),
        ("recvonly", True, False, "inactive"),
    ],
)
def test_directions_meet(direction: sdp.Direction, hear: bool, speak: bool, ours: str) -> None:
    theirs = sdp.Section("audio", direction=direction, codecs=(OPUS,))
    agreed = formats.agree(theirs, hear=hear, speak=speak)
    assert formats.section(agreed, "passive").direction == ours


def test_without_opus_we_only_hear() -> None:
    theirs = sdp.Section("audio", codecs=(sdp.Codec(8, "pcma/8000"),))
    agreed = formats.agree(theirs, hear=True, speak=True)
    assert (agreed.hear, agreed.speak) == (True, False)
    assert formats.section(agreed, "passive").extensions == ()


@pytest.mark.parametrize("codecs", [(), (sdp.Codec(96, "vp8/90000"), sdp.Codec(97, ""))])
def test_without_a_common_codec_there_is_no_agreement(codecs: tuple[sdp.Codec, ...]) -> None:
    with pytest.raises(BadInput, match="no common codec"):
        formats.agree(sdp.Section("audio", codecs=codecs), hear=True, speak=False)


def test_we_offer_what_we_want() -> None:
    assert formats.wish(hear=True, speak=False).direction == "recvonly"
    assert formats.wish(hear=False, speak=True).codecs[0].name == "opus/48000"


def test_relay_credentials_expire() -> None:
    name, password = ice.relay_credentials("secret", user="bot", now=1_000, lifetime=60)
    assert name == "1060:bot"
    assert password == "7jwjBBDdhpMpacD4NoyK7Fp4qYw="


def test_a_server_is_passed_on_with_its_credentials() -> None:
    servers = [
        ice.IceServer(("stun:192.0.2.1",)),
        ice.IceServer(("turn:192.0.2.1?transport=tcp",), "name", "word"),
        ice.IceServer(()),
    ]
    found = ice.arguments(servers)
    assert found["stun_server"] == ("192.0.2.1", 3478)
    assert found["turn_transport"] == "tcp"
    assert (found["turn_username"], found["turn_password"]) == ("name", "word")
    assert "word" not in repr(servers)


@pytest.mark.parametrize("url", ["http://x", "stun:", "stun:x?transport=udp"])
def test_a_server_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="is no server"):
        ice.arguments([ice.IceServer((url,))])


@pytest.mark.parametrize(
    ("line", "usable"),
    [
        ("1 1 udp 1 192.0.2.1 9 typ host", True),
        ("1 1 udp 1 192.0.2.1 9 typ srflx raddr 192.0.2.2 rport 8", True),
        ("1 2 udp 1 192.0.2.1 9 typ host", False),
        ("1 1 tcp 1 192.0.2.1 9 typ host tcptype active", False),
        ("1 1 udp 1 0a.local 9 typ host", False),
    ],
)
def test_only_candidates_that_we_can_try_are_tried(line: str, usable: bool) -> None:
    found = sdp.candidate(line)
    assert found is not None
    converted = ice.to_aioice(found)
    assert (converted is not None) is usable
    if converted is not None:
        assert ice.to_sdp(converted) == found
