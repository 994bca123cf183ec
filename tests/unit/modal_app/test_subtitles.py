from __future__ import annotations

import json

import pytest

from modal_app.protocol import Word
from modal_app.subtitles import FORMATS, cues, render


def words(*texts: str, gap: float = 0.5) -> list[Word]:
    return [Word(text, i * gap, i * gap + 0.4) for i, text in enumerate(texts)]


def texts(given: list[Word]) -> list[str]:
    return [cue.text for cue in cues(given)]


def test_a_cue_ends_with_the_sentence() -> None:
    assert texts(words("Hello", "you.", "And", "bye!")) == ["Hello you.", "And bye!"]


def test_a_cue_ends_where_the_speaker_pauses() -> None:
    assert texts([Word("one", 0, 0.5), Word("two", 0.6, 1), Word("three", 2.5, 3)]) == [
        "one two",
        "three",
    ]


def test_a_cue_is_neither_too_long_nor_too_wide_to_read() -> None:
    slow, wide = words(*["word"] * 60), words(*["donaudampfschiff"] * 20, gap=0.1)

    assert max(cue.end - cue.start for cue in cues(slow)) <= 7
    assert max(len(text) for text in texts(wide)) <= 84


def test_nothing_said_makes_no_cue() -> None:
    assert cues([]) == []


def test_every_format_can_be_written() -> None:
    said = [Word("Tom", 0.0, 0.5), Word("&", 0.5, 0.6), Word("<Jerry>", 3661.5, 3662.25)]
    made = {kind: render(kind, said, duration=3663.0, language="en") for kind in FORMATS}

    assert json.loads(made["json"]) == {"text": "Tom & <Jerry>"}
    assert made["text"] == "Tom & <Jerry>\n"
    assert made["vtt"] == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.600\nTom &amp;\n\n"
        "01:01:01.500 --> 01:01:02.250\n&lt;Jerry>\n\n"
    )
    assert made["srt"].startswith("1\n00:00:00,000 --> 00:00:00,600\nTom &amp;\n\n2\n01:01:01,500")


def test_the_verbose_answer_has_words_and_segments_with_times() -> None:
    body = json.loads(render("verbose_json", words("Hi", "you."), duration=2.0, language="fr"))

    assert body["language"] == "fr"
    assert body["duration"] == 2.0
    assert body["segments"] == [{"id": 0, "start": 0.0, "end": 0.9, "text": "Hi you."}]
    assert body["words"][1] == {"word": "you.", "start": 0.5, "end": 0.9}


@pytest.mark.parametrize("evil", ["-->", "a --> b"])
def test_words_cannot_forge_a_cue(evil: str) -> None:
    (_, times, text, *_) = render("srt", [Word(evil, 0, 1)], duration=1, language="en").splitlines()

    assert "-->" in times
    assert "-->" not in text
