"""What we offer to send: a section for each track, used again when its track is gone."""

from __future__ import annotations

from transcriber.rtc import rtp, sdp
from transcriber.rtc.sdp import Codec
from transcriber.rtc.sfu import outgoing
from transcriber.rtc.sfu.outgoing import Slot, Types
from transcriber.rtc.sfu.packet import Form


def test_a_codec_keeps_its_payload_type() -> None:
    types = Types()
    assert types.of(Codec(0, "opus/48000", "x")) == types.of(Codec(9, "opus/48000")) == 111
    assert types.of(Codec(120, "pcma/8000")) == 8
    first = types.of(Codec(100, "h264/90000", "profile-level-id=42e01f"))
    second = types.of(Codec(100, "h264/90000", "profile-level-id=640c1f"))
    assert (first, second) == (96, 97)
    assert types.of(Codec(101, "h264/90000", "profile-level-id=42e01f")) == first
    for number in range(40):
        types.of(Codec(0, f"x{number}/90000"))
    assert types.of(Codec(0, "y/90000")) == outgoing.LAST


def test_sections_say_whose_track_they_carry_or_that_they_are_free() -> None:
    audio = Slot("0", "audio", Codec(111, "opus/48000"), 7, "par_1", "trk_1")
    video = Slot("1", "video", Codec(96, "vp8/90000"))
    first, second = outgoing.sections([audio, video])
    assert (first.direction, second.direction) == ("sendonly", "inactive")
    assert first.lines == ("rtcp-rsize", "msid:par_1 trk_1", "ssrc:7 cname:par_1")
    assert second.lines[:2] == ("rtcp-rsize", "rtcp-fb:96 nack")
    assert (audio.free, video.free) == (False, True)


def test_what_a_picture_depends_on_is_said_where_a_codec_has_it_beside_the_payload() -> None:
    codec = Codec(98, "av1/90000")
    (section,) = outgoing.sections([Slot("0", "video", codec)])
    assert section.extensions == ((3, rtp.SEND_TIME), (4, rtp.DEPENDENCY))
    assert "extmap-allow-mixed" in section.lines
    assert outgoing.form(codec, "video") == Form(98, sent_at=3, needs=4)
    assert outgoing.form(Codec(96, "vp8/90000"), "video") == Form(96, sent_at=3)
    assert outgoing.form(Codec(111, "opus/48000"), "audio") == Form(111, level=1)


def test_an_answer_takes_what_it_receives() -> None:
    slots = [
        Slot(str(number), "audio", Codec(111, "opus/48000"), number, "par", f"trk_{number}")
        for number in range(4)
    ]
    lines = [
        "v=0",
        *("m=audio 9 X 111", "a=mid:0", "a=recvonly"),
        *("m=audio 9 X 111", "a=mid:1", "a=inactive"),
        *("m=audio 0 X 111", "a=mid:2", "a=recvonly"),
    ]
    assert outgoing.taken(slots, sdp.parse("\n".join(lines))) == {"trk_0"}
