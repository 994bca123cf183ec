"""What we take of an offer to publish, and how we answer it."""

from __future__ import annotations

import pytest

from transcriber.errors import BadInput
from transcriber.rtc import rtp, sdp
from transcriber.rtc.sfu import incoming

HEAD = (
    "v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1 2 3",
    "a=ice-ufrag:u", "a=ice-pwd:p", "a=fingerprint:sha-256 AA", "a=setup:actpass",
)  # fmt: skip
AUDIO = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 9 110 126", "a=mid:0", "a=sendonly",
    "a=rtpmap:63 red/48000/2", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10",
    "a=rtpmap:110 telephone-event/48000", "a=rtpmap:126 telephone-event/8000",
    f"a=extmap:1 {rtp.AUDIO_LEVEL}", "a=extmap:2 urn:x", f"a=extmap:4 {rtp.MID}",
    "a=ssrc:5 cname:x",
)  # fmt: skip
VIDEO = (
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98", "a=mid:1", "a=sendrecv",
    "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96",
    "a=rtpmap:98 VP9/90000", f"a=extmap:4 {rtp.MID}", f"a=extmap:10 {rtp.RID}",
    "a=rid:f send", "a=rid:q send", "a=rid:h send", "a=simulcast:send f;h;q",
    "a=ssrc-group:FID 7 8",
)  # fmt: skip
WATCHED = ("m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:2", "a=recvonly", "a=rtpmap:96 VP8/90000")
DATA = ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:3", "a=sctp-port:5000")


def offer(*sections: tuple[str, ...]) -> sdp.Description:
    return sdp.parse("\r\n".join(line for part in (HEAD, *sections) for line in part))


def test_one_codec_of_each_section_is_taken_with_what_belongs_to_it() -> None:
    audio, video = incoming.accept(offer(AUDIO, VIDEO, WATCHED, DATA), {"0", "1", "2"})
    assert (audio.codec.payload_type, audio.again, audio.keys) == (111, -1, frozenset({110}))
    assert audio.extensions == ((1, rtp.AUDIO_LEVEL), (4, rtp.MID))
    assert audio.extension(rtp.MID) == 4
    assert video.extension(rtp.TRANSPORT_WIDE) == 0
    assert (video.codec.name, video.again) == ("vp8/90000", 97)
    assert video.layers == ("q", "h", "f")
    assert video.repeats == ((7, 8),)


def test_the_answer_takes_what_is_sent_and_keeps_the_place_of_the_rest() -> None:
    theirs = offer(AUDIO, VIDEO, WATCHED, DATA)
    taken = incoming.accept(theirs, {"0", "1"})
    answer = list(incoming.sections(theirs, taken, "active"))
    assert [section.direction for section in answer] == [
        "recvonly", "recvonly", "inactive", "inactive",
    ]  # fmt: skip
    assert [bool(section.port) for section in answer] == [True, True, True, False]
    assert [codec.payload_type for codec in answer[0].codecs] == [111, 110]
    assert answer[0].lines == ("rtcp-rsize",)
    assert "simulcast:recv q;h;f" in answer[1].lines
    assert "rtcp-fb:96 transport-cc" in answer[1].lines
    assert answer[3].formats == ("webrtc-datachannel",)


def test_what_pictures_depend_on_may_be_long() -> None:
    theirs = offer((*VIDEO, f"a=extmap:12 {rtp.DEPENDENCY}"))
    (answer,) = incoming.sections(theirs, incoming.accept(theirs, {"1"}), "active")
    assert "extmap-allow-mixed" in answer.lines


@pytest.mark.parametrize(
    ("sections", "wanted", "problem"),
    [
        ((AUDIO,), {"7"}, "no sound or picture with the mid '7'"),
        ((AUDIO, DATA), {"3"}, "no sound or picture"),
        ((AUDIO, (*VIDEO[:1], "a=mid:9")), {"9"}, "not bundled"),
        ((("m=audio 9 X 8 5", "a=mid:0", "a=rtpmap:8 G729/8000"),), {"0"}, "'0' has g729/8000, 5"),
        ((("m=audio 9 X", "a=mid:0"),), {"0"}, "has none"),
        ((AUDIO,) * 33, {"0"}, "33 sections"),
    ],
)
def test_what_cannot_be_taken_is_named(
    sections: tuple[tuple[str, ...], ...], wanted: set[str], problem: str
) -> None:
    with pytest.raises(BadInput, match=problem):
        incoming.accept(offer(*sections), wanted)
