"""Captions wait for their readers, in order and not for ever."""

from __future__ import annotations

from transcriber.call import Caption
from transcriber.connectors.talk.letters import FINAL_KEEPS, INTERIM_KEEPS, MOST, Letters


def final(text: str, speaker: str = "ann") -> Caption:
    return Caption(speaker, text, "en", final=True)


def interim(text: str, speaker: str = "ann") -> Caption:
    return Caption(speaker, text, "en", final=False)


def everything(letters: Letters, *reachable: str, now: float = 0.0) -> list[tuple[str, str]]:
    found = []
    while letter := letters.take(lambda who: who.upper() if who in reachable else "", now):
        found.append((letter[0], letter[1].text))
    return found


def test_a_caption_goes_to_each_reader() -> None:
    letters = Letters()
    letters.add(final("hello"), ["bob", "cid"], 0.0)
    assert everything(letters, "bob", "cid", "dan") == [("BOB", "hello"), ("CID", "hello")]
    assert everything(letters, "bob", "cid") == []


def test_who_cannot_be_reached_gets_it_later_and_in_order() -> None:
    letters = Letters()
    for text in ("one", "two"):
        letters.add(final(text), ["bob", "cid"], 0.0)
    assert everything(letters, "cid") == [("CID", "one"), ("CID", "two")]
    letters.add(final("three"), ["bob"], 1.0)
    assert [text for _, text in everything(letters, "bob", now=1.0)] == ["one", "two", "three"]
    assert letters.lost == 0


def test_nothing_waits_for_ever() -> None:
    letters = Letters()
    letters.add(final("old"), ["bob"], 0.0)
    letters.add(interim("maybe"), ["bob"], 0.0)
    letters.add(final("new"), ["bob"], 1.0)
    assert everything(letters, "bob", now=FINAL_KEEPS) == [("BOB", "new")]
    assert letters.lost == 1


def test_an_interim_caption_is_soon_worth_nothing() -> None:
    letters = Letters()
    letters.add(interim("maybe"), ["bob"], 0.0)
    assert everything(letters, "bob", now=INTERIM_KEEPS) == []
    assert letters.lost == 0


def test_an_interim_caption_gives_way_to_what_its_speaker_says_next() -> None:
    letters = Letters()
    for caption in (interim("he"), interim("no", "eve"), interim("hello"), final("hello you")):
        letters.add(caption, ["bob"], 0.0)
    assert [text for _, text in everything(letters, "bob")] == ["no", "hello you"]


def test_the_oldest_go_when_too_many_wait() -> None:
    letters = Letters()
    for number in range(MOST + 2):
        letters.add(final(str(number)), ["bob"], 0.0)
    assert len(everything(letters, "bob")) == MOST
    assert letters.lost == 2


def test_what_comes_back_goes_before_what_came_later() -> None:
    letters = Letters()
    letters.add(final("three"), ["bob"], 1.0)
    for text in ("one", "two"):
        letters.put_back(final(text), "bob", 1.0)
    assert [text for _, text in everything(letters, "bob", now=1.0)] == ["one", "two", "three"]
