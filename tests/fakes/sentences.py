"""Sentences with numbers that must not be read, and with numbers that must."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["Secret", "ordinary", "secret"]

DIGITS = "zero one two three four five six seven eight nine"
SPOKEN = DIGITS.split()
BEFORE = (
    "my card is", "the number is", "you can pay with", "it says", "please write down", "okay so",
    "we have 12 people and the card is", "yes", "uh it is", "the second one, after 2019, is",
)  # fmt: skip
AFTER = ("thanks", "and that is all", "did you get that", "", "okay?", "which expires in May")
CALLING = ("call me at", "my phone number is", "reach us on", "please call", "text me at")

ORDINARY = (
    "In {year} we had {small} people and {commas} euros.",
    "The meeting is on {day}.{month}.{year} at {hour}:{minute}.",
    "The release of {year}-{month}-{day:02} fixes {small} bugs.",
    "We grew by {small}.{few} percent, from {big} to {plus}.",
    "It costs ${commas}.{minute} or {small} euros a month.",
    "The address is {small} Main Street, apartment {hundreds}.",
    "Order number {bytes} has shipped.",
    "Pages {small} to {more}, chapters 1, 2, 3 and {few}.",
    "The server at 192.168.{small}.{byte} listens on port {port}.",
    "Version {few}.{small}.{hour} came out in {year}.",
    "There are {one} reasons, maybe {other} or {one}.",
    "one two three four five six seven eight nine ten",
    "Between {year} and {later}, then {two}, it was {small} degrees.",
    "The ratio is {small} to 1 and pi is 3.14159265.",
    "About {small} {hundreds} 000 people live there.",
    "We need twenty {one} thousand {other} hundred of them.",
    "He ran {hundreds} meters in {small}.{minute} seconds, {few} times.",
    "Take exit {small}, then the A{day} for {hundreds} kilometers.",
    "The score was {small} {day} after {few} sets.",
    "Room {hundreds} seats {small}, room {byte} seats {more}.",
    "From {hour}:{minute} to {next}:{minute} on the {day}th we talk about ISO {big}.",
    "The lottery numbers were {small}, {day}, {hour}, {minute}, 7 and 42.",
    "It takes {small} to {more} minutes, or {hundreds}-{byte} seconds.",
    "The file has {big} lines and {bytes} bytes.",
    "I have two kids, one dog, and {one} cats, no {other}.",
    "We sold {hundreds} in {year}, {commas} in {later} and {big} since.",
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A sentence and what in it must never be read."""

    kind: str
    text: str
    characters: str


def luhn(digits: str) -> str:
    """Append the check digit."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def numbers(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def said(digits: str, rng: random.Random) -> str:
    """Digits read out, by a person or by a recogniser that writes digits, with hesitations."""
    way = rng.choice(("words", "oh", "digits", "commas", "hesitating"))
    words = [SPOKEN[int(digit)] for digit in digits]
    if way == "oh":
        words = ["oh" if word == "zero" else word for word in words]
    if way == "digits":
        words = list(digits)
    if way == "hesitating":
        words.insert(rng.randrange(1, len(words)), "uh")
    return ", ".join(words) if way == "commas" else " ".join(words)


def card(rng: random.Random) -> tuple[str, str]:
    start, size = rng.choice((("4", 16), ("51", 16), ("55", 16), ("6011", 16), ("37", 15)))
    digits = luhn(start + numbers(rng, size - 1 - len(start)))
    way = rng.choice(("whole", "blocks", "dashes", "lines", "said"))
    if way == "whole":
        return digits, digits
    if way == "said":
        return said(digits, rng), digits
    blocks = (4, 4, 4, 4) if size == 16 else (4, 6, 5)
    parts, at = [], 0
    for block in blocks:
        parts.append(digits[at : at + block])
        at += block
    return {"blocks": " ", "dashes": "-", "lines": ", "}[way].join(parts), digits


def iban(rng: random.Random) -> tuple[str, str]:
    country, account = rng.choice(
        (
            ("DE", numbers(rng, 18)),
            ("AT", numbers(rng, 16)),
            ("ES", numbers(rng, 20)),
            ("GB", "NWBK" + numbers(rng, 14)),
            ("NL", "ABNA" + numbers(rng, 10)),
            ("FR", numbers(rng, 10) + "A" + numbers(rng, 12)),
        )
    )
    value = int("".join(str(int(c, 36)) for c in f"{account}{country}00"))
    whole = f"{country}{98 - value % 97:02}{account}"
    way = rng.choice(("whole", "blocks", "dashes", "said"))
    if way == "said" and whole[2:].isdecimal():
        return f"{country[0]} {country[1]} {said(whole[2:], rng)}", whole
    join = {"whole": "", "dashes": "-"}.get(way, " ")
    return join.join(whole[at : at + 4] for at in range(0, len(whole), 4)), whole


def phone(rng: random.Random) -> tuple[str, str]:
    area, office = (f"{rng.randint(2, 9)}{numbers(rng, 2)}" for _ in range(2))
    line = numbers(rng, 4)
    american = f"{area}{office}{line}"
    city, number = rng.choice(("30", "89", "151", "176")), numbers(rng, 7)
    texts = (
        (f"{area}-{office}-{line}", american),
        (f"({area}) {office}-{line}", american),
        (f"{area}.{office}.{line}", american),
        (f"+1 {area} {office} {line}", f"1{american}"),
        (f"+49 {city} {number}", f"49{city}{number}"),
        (f"+49 ({city}) {number[:3]} {number[3:]}", f"49{city}{number}"),
        (f"0{city} {number}", f"0{city}{number}"),
        (f"0{city}{number}", f"0{city}{number}"),
        (f"01 {' '.join(number[at : at + 2] for at in (0, 2, 4))} {number[5:]}", ""),
        (f"plus four nine {said(city + number, rng)}", f"49{city}{number}"),
        (said(american, rng), american),
    )
    text, digits = rng.choice(texts)
    return text, digits or "".join(c for c in text if c.isdecimal())


def secret(rng: random.Random) -> Secret:
    kind, make = rng.choice((("card", card), ("iban", iban), ("phone", phone)))
    text, characters = make(rng)
    before = rng.choice(CALLING) if kind == "phone" and rng.random() < 0.5 else rng.choice(BEFORE)
    return Secret(kind, f"{before} {text} {rng.choice(AFTER)}".strip(), characters)


def ordinary(rng: random.Random) -> str:
    """An everyday sentence with numbers in it."""
    year, small, hour = rng.randint(1950, 2035), rng.randint(2, 99), rng.randint(1, 11)
    big = rng.randint(1_000, 9_999_999)
    return rng.choice(ORDINARY).format(
        year=year, later=year + 5, two=f"{year + 6} {year + 7}", small=small, more=small + 20,
        hour=hour, next=hour + 1, minute=f"{rng.randint(0, 59):02}", big=big, plus=big + small,
        commas=f"{big:,}", day=rng.randint(1, 28), month=f"{rng.randint(1, 12):02}",
        few=rng.randint(2, 9), hundreds=rng.randint(100, 999), port=rng.randint(80, 65_000),
        bytes=rng.randint(10_000_000, 99_999_999), byte=rng.randint(0, 255),
        one=rng.choice(SPOKEN[1:]), other=rng.choice(SPOKEN[1:]),
    )  # fmt: skip
