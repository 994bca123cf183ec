"""Descriptions: what browsers and Janus write is understood, ours is what we mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.errors import BadInput
from transcriber.rtc import sdp

BROWSER = "\r\n".join(
    [
        "v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1 2",
        "a=extmap-allow-mixed", "a=msid-semantic: WMS x",
        "m=audio 40000 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 x",
        "c=IN IP4 192.0.2.10", "a=rtcp:9 IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2122260223 192.0.2.10 40000 typ host generation 0",
        "a=candidate:2 1 udp 1 198.51.100.2 9 typ srflx raddr 192.0.2.10 rport 40000",
        "a=candidate:3 1 tcp 1 192.0.2.10 9 typ host tcptype active",
        "a=candidate:broken",
        "a=ice-ufrag:user", "a=ice-pwd:password", "a=ice-options:trickle renomination",
        "a=fingerprint:sha-256 aa:bb", "a=fingerprint:broken", "a=setup:actpass", "a=mid:0",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "a=extmap:14/sendonly urn:x",
        "a=extmap:9", "a=sendrecv", "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111",
        "a=rtpmap:110 telephone-event/48000",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "a=mid:1", "a=sendonly", "a=fmtp:96 x",
        "a=rtpmap:97 rtx/90000",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:2", "a=sctp-port:5000",
    ]
)  # fmt: skip
CODECS = (sdp.Codec(111, "opus/48000", "x=1"), sdp.Codec(0, "pcmu/8000"))
OURS = sdp.Ours(
    session=5, ufrag="ours", password="secret", fingerprint=("sha-256", "CC:DD"),
    candidates=(sdp.Candidate("f", 1, "udp", 9, "192.0.2.1", 7, "host"),), source=3, name="bot",
)  # fmt: skip


def test_what_a_browser_offers_is_understood() -> None:
    offer = sdp.parse(BROWSER)
    audio = offer.audio
    assert offer.bundle == ("0", "1", "2")
    assert offer.trickle
    assert not offer.lite
    assert (audio.ufrag, audio.password, audio.setup) == ("user", "password", "actpass")
    assert audio.fingerprints == (("sha-256", "AA:BB"),)
    assert audio.extension("urn:x") == 14
    assert audio.extension("urn:y") == 0
    assert [codec.name for codec in audio.codecs] == [
        "opus/48000", "red/48000", "g722/8000", "pcmu/8000", "pcma/8000", "cn/8000",
        "telephone-event/48000",
    ]  # fmt: skip
    assert [str(found) for found in audio.candidates] == [
        "candidate:1 1 udp 2122260223 192.0.2.10 40000 typ host",
        "candidate:2 1 udp 1 198.51.100.2 9 typ srflx raddr 192.0.2.10 rport 40000",
        "candidate:3 1 tcp 1 192.0.2.10 9 typ host tcptype active",
    ]


def test_what_shares_the_way_of_another_is_not_taken_for_refused() -> None:
    refused = BROWSER.replace("m=video 9", "m=video 0")
    assert sdp.parse(refused).sections[1].port == 0
    assert sdp.parse(refused.replace("a=mid:1", "a=mid:1\r\na=bundle-only")).sections[1].port == 9


def test_what_is_said_for_all_holds_for_each() -> None:
    lines = ["v=0", "a=ice-lite", "a=ice-ufrag:u", "a=ice-pwd:p", "a=fingerprint:sha-1 ab",
             "a=setup:active", "a=group:LS 0", "m=audio 9 RTP/AVP 0", "a=recvonly",
             "a=end-of-candidates"]  # fmt: skip
    answer = sdp.parse("\n".join(lines))
    assert answer.lite
    assert answer.bundle == ()
    assert answer.audio.ufrag == "u"
    assert answer.audio.setup == "active"
    assert answer.audio.direction == "recvonly"
    assert answer.audio.fingerprints == (("sha-1", "AB"),)
    assert answer.audio.complete


def test_an_answer_takes_audio_and_refuses_the_rest() -> None:
    audio = sdp.Section(
        "audio", direction="sendrecv", setup="passive",
        codecs=CODECS, extensions=((1, "urn:level"),),
    )  # fmt: skip
    text = sdp.answer(sdp.parse(BROWSER), OURS, audio)
    answer = sdp.parse(text)
    assert [(part.kind, part.direction, bool(part.port)) for part in answer.sections] == [
        ("audio", "sendrecv", True), ("video", "inactive", True), ("application", "inactive", False)
    ]  # fmt: skip
    assert answer.bundle == ("0", "1")
    assert answer.audio.codecs == CODECS
    assert answer.audio.candidates == OURS.candidates
    assert answer.audio.setup == "passive"
    assert "a=ssrc:3 cname:bot" in text
    assert "a=rtpmap:111 opus/48000/2" in text


def test_what_is_not_bundled_is_rejected() -> None:
    offer = sdp.parse(BROWSER.replace("a=group:BUNDLE 0 1 2", "a=x"))
    answer = sdp.parse(sdp.answer(offer, OURS, sdp.Section("audio", setup="passive")))
    assert [part.port for part in answer.sections] == [9, 0, 0]
    assert answer.bundle == ()


def test_an_offer_has_one_section() -> None:
    wanted = sdp.Section("audio", mid="0", direction="recvonly", setup="actpass")
    text = sdp.offer(OURS, wanted)
    assert sdp.parse(text).bundle == ("0",)
    assert "a=ssrc" not in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "version"),
        ("hello", "version"),
        ("v=0\nm=audio", "malformed"),
        ("v=0\nm=audio x RTP/AVP 0", "malformed"),
        ("v=0\nm=audio 9 RTP/AVP 0\na=extmap:x urn:y", "malformed"),
        ("v=0" + " " * sdp.LARGEST, "characters"),
    ],
)
def test_what_is_no_description_is_refused(text: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        sdp.parse(text)


def test_a_description_without_sound_is_refused() -> None:
    with pytest.raises(BadInput, match="no audio"):
        _ = sdp.parse("v=0\nm=video 9 RTP/AVP 96\nm=audio 0 RTP/AVP 0").audio


@pytest.mark.parametrize(
    "line",
    [
        "",
        "candidate:1 1 udp 1 192.0.2.1 9 is host",
        "candidate:1 one udp 1 192.0.2.1 9 typ host",
        "candidate:1 1 udp 1 192.0.2.1 0 typ host",
        "candidate:1 1 udp -1 192.0.2.1 9 typ host",
        "candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr 192.0.2.1",
    ],
)
def test_an_unusable_candidate_is_none(line: str) -> None:
    assert sdp.candidate(line) is None


def test_a_candidate_is_read_with_and_without_its_prefix() -> None:
    line = "candidate:1 1 UDP 1 192.0.2.1 9 typ host"
    assert sdp.candidate(line) == sdp.candidate(f"a={line}") == sdp.candidate(line[10:])


@given(st.text(max_size=300))
def test_no_text_raises_anything_else(text: str) -> None:
    for whole in (text, f"v=0\r\nm=audio 9 RTP/AVP 0\r\na={text}", f"v=0\nm={text}"):
        try:
            sdp.parse(whole)
        except BadInput:
            continue
    sdp.candidate(text)


@given(st.data())
def test_no_damage_to_an_offer_raises_anything_else(data: st.DataObject) -> None:
    lines = BROWSER.split("\r\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    cut = data.draw(st.integers(0, 40))
    lines[at] = lines[at][:cut] + data.draw(st.text(max_size=10)) + lines[at][cut + 1 :]
    try:
        offer = sdp.parse("\r\n".join(lines))
        sdp.answer(offer, OURS, sdp.Section("audio", setup="passive"))
    except BadInput:
        pass


def test_layers_sources_and_their_copies_are_read() -> None:
    lines = ["v=0", "m=video 9 X 96", "a=simulcast:recv a;b send ~f,g;h",
             "a=ssrc-group:SIM 1 2 3", "a=ssrc-group:FID 7 8", "a=ssrc:7 cname:x",
             "a=ssrc:7 msid:y", "a=ssrc:8 cname:x"]  # fmt: skip
    (video,) = sdp.parse("\n".join(lines)).sections
    assert video.layers == ("f", "h")
    assert video.again == ((7, 8),)
    assert video.sources == (7, 8)


def test_the_main_section_says_where_everybody_is() -> None:
    assert sdp.parse(BROWSER).main.ufrag
    with pytest.raises(BadInput, match="where to connect"):
        sdp.parse("v=0\nm=audio 9 X 0").main  # noqa: B018


def test_everybody_is_told_our_addresses_in_the_first_section() -> None:
    free = sdp.Section("audio", mid="0", direction="inactive", setup="actpass")
    used = sdp.Section("audio", mid="1", direction="sendonly", setup="actpass", lines=("x:y",))
    first, second = sdp.parse(sdp.write(OURS, [free, used], ("0", "1"))).sections
    assert first.candidates == second.candidates == OURS.candidates
    assert "a=x:y" in sdp.write(OURS, [used], ("1",))
