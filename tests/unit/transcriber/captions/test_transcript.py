"""Transcripts as files."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.captions.transcript import FORMATS, HORIZON_MS, Format, Transcript, writer
from transcriber.events import Speech, SpokenWord


def said(text: str, start: int = 0, end: int = 1000, *, who: str = "1", name: str = "") -> Speech:
    return Speech(
        room="r", person_id=who, person_name=name, transcript=text, language="en",
        start_ms=start, end_ms=end,
    )  # fmt: skip


def written(form: Format, *cues: Speech, speakers: bool = False) -> str:
    sheet = writer(form, speakers=speakers, source="talk.wav", language="en")
    return sheet.head() + "".join(map(sheet.cue, cues)) + sheet.tail()


def test_text_is_a_line_for_each_utterance() -> None:
    assert written("txt", said("Hello\nthere."), said("Bye.")) == "Hello there.\nBye.\n"


def test_text_names_speakers_when_there_are_several() -> None:
    cues = [said("Hello.", name="Ann"), said("Bye.", who="2")]
    assert written("txt", *cues, speakers=True) == "Ann: Hello.\n2: Bye.\n"


def test_vtt_has_times_and_escapes_what_it_must() -> None:
    assert written("vtt", said("a < b & c", 3_723_004, 3_724_000)) == (
        "WEBVTT\n\n01:02:03.004 --> 01:02:04.000\na &lt; b &amp; c\n"
    )


def test_vtt_names_speakers_as_voices() -> None:
    assert "<v Ann &amp; Bob>Hi" in written("vtt", said("Hi", name="Ann & Bob"), speakers=True)


def test_srt_cues_are_numbered() -> None:
    text = written("srt", said("One.", 0, 900), said("Two.", 1000, 2000, name="Ann"), speakers=True)
    assert text == (
        "1\n00:00:00,000 --> 00:00:00,900\n1: One.\n\n2\n00:00:01,000 --> 00:00:02,000\nAnn: Two.\n"
    )


def test_srt_names_nobody_when_there_is_one() -> None:
    assert "\nOne.\n" in written("srt", said("One.", name="Ann"))


def test_json_holds_everything() -> None:
    word = SpokenWord(text="One.", start_ms=0, end_ms=500, estimated=True)
    cue = said("One.", 0, 500).model_copy(update={"words": (word,), "confidence": 0.5})
    whole = json.loads(written("json", cue, said("Zwölf.", 600, 900)))
    assert (whole["source"], whole["language"], len(whole["segments"])) == ("talk.wav", "en", 2)
    assert whole["segments"][0] == {
        "speaker": "1", "start": 0.0, "end": 0.5, "text": "One.", "language": "en",
        "confidence": 0.5,
        "words": [{"text": "One.", "start": 0.0, "end": 0.5, "estimated": True}],
    }  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_a_transcript_without_words_is_still_a_file_of_its_format(form: Format) -> None:
    text = written(form)
    if form == "json":
        assert json.loads(text)["segments"] == []
    else:
        assert text in ("", "WEBVTT\n", "# talk.wav\n")


def test_no_cue_is_too_short_to_be_read() -> None:
    assert "00:00:01.000 --> 00:00:01.300" in written("vtt", said("Hm.", 1000, 1000))


@given(st.lists(st.integers(0, HORIZON_MS), max_size=40))
def test_cues_come_in_the_order_of_their_beginnings_and_none_is_lost(late: list[int]) -> None:
    transcript = Transcript()
    speeches = [said(str(n), n * 1000 + HORIZON_MS - back) for n, back in enumerate(late)]
    out = [ready for speech in speeches for ready in transcript.add(speech)]
    out += transcript.rest()
    assert sorted(out, key=lambda speech: speech.start_ms) == out
    assert {speech.transcript for speech in out} == {str(n) for n in range(len(late))}


def test_a_cue_waits_only_as_long_as_an_earlier_one_can_come() -> None:
    transcript = Transcript()
    assert list(transcript.add(said("first", 0))) == []
    assert [s.transcript for s in transcript.add(said("later", HORIZON_MS + 1))] == ["first"]


LONG = (
    "It was the best of times, it was the worst of times, it was the age of wisdom. "
    "It was the age of foolishness, it was the epoch of belief."
)


def test_a_long_utterance_becomes_cues_of_two_lines() -> None:
    heard = LONG.split()
    words = tuple(
        SpokenWord(text=word, start_ms=n * 400, end_ms=n * 400 + 300)
        for n, word in enumerate(heard)
    )
    cue = said(LONG, 0, 10_800).model_copy(update={"words": words})
    assert written("vtt", cue) == (
        "WEBVTT\n"
        "\n00:00:00.000 --> 00:00:07.100\n"
        "It was the best of times, it was the\nworst of times, it was the age of wisdom.\n"
        "\n00:00:07.200 --> 00:00:11.900\n"
        "It was the age of foolishness,\nit was the epoch of belief.\n"
    )
    assert [line for line in written("srt", cue).splitlines() if line.isdecimal()] == ["1", "2"]
    assert written("txt", cue).count("\n") == 1


def test_a_long_utterance_without_word_times_is_cut_by_its_letters() -> None:
    times = re.findall(r"(\S+) --> (\S+)", written("vtt", said(LONG, 1_000, 11_000)))
    assert len(times) == 2
    assert "00:00:05.000" < times[0][1] <= times[1][0] < "00:00:08.000"
    assert times[1][1] <= "00:00:11.000"


@given(st.text(max_size=40), st.integers(0, 10**8), st.integers(-1000, 10**5))
def test_any_words_make_one_cue(text: str, start: int, length: int) -> None:
    cue = written("vtt", said(text, start, start + length)).removeprefix("WEBVTT\n\n")
    times, words = cue.split("\n", 1)
    assert re.fullmatch(r"\d+:\d\d:\d\d\.\d{3} --> \d+:\d\d:\d\d\.\d{3}", times)
    assert words.count("\n") == 1
    assert "-->" not in words


def test_markdown_has_a_paragraph_for_all_that_somebody_says_in_a_row() -> None:
    cues = [said("Hello.", name="Ann"), said("*Bye*.", 65_000, 66_000, name="Ann"), said("No_.")]
    assert written("md", *cues, speakers=True) == (
        "# talk.wav\n\n**Ann** (00:00:00)  \nHello. \\*Bye\\*.\n\n**1** (00:00:00)  \nNo\\_.\n"
    )


def test_markdown_may_have_no_heading_and_no_names() -> None:
    sheet = writer("md", speakers=False)
    assert sheet.head() + sheet.cue(said("Hello.")) + sheet.tail() == "(00:00:00)  \nHello.\n"
    assert sheet.head() + writer("md", speakers=False).tail() == ""
