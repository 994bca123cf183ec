"""Tokens of rooms: ours, for this room, in time; everything else is refused."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.web.rooms.tokens import Claims, Invalid, Tokens

CLAIMS = Claims(room="room_1", identity="ann", name="Ann", grants=("join",), expires=1_000.0)


def tokens(secret: str = "s3cret", now: float = 999.0) -> Tokens:
    return Tokens(secret, now=lambda: now)


def test_what_was_said_is_read_again() -> None:
    assert tokens().check(tokens().issue(CLAIMS), "room_1") == CLAIMS


@pytest.mark.parametrize(
    ("signer", "reader", "room", "problem"),
    [
        (tokens(), tokens("other"), "room_1", "no token of ours"),
        (tokens(""), tokens(""), "room_1", "no token of ours"),
        (tokens(), tokens(), "room_2", "another room"),
        (tokens(), tokens(now=1_000.0), "room_1", "expired"),
    ],
)
def test_strange_late_and_foreign_tokens_are_refused(
    signer: Tokens, reader: Tokens, room: str, problem: str
) -> None:
    with pytest.raises(Invalid, match=problem):
        reader.check(signer.issue(CLAIMS), room)


def test_nothing_in_a_token_can_be_changed() -> None:
    prefix, body, signature = tokens().issue(CLAIMS).split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=="))
    said["grants"] = ["admin"]
    forged = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    for token in (
        f"{prefix}.{forged}.{signature}", f"rt0.{body}.{signature}", f"{prefix}.{body}.",
        f"{prefix}.{body}", f"{prefix}.{body}.{signature[:-2]}", f"{prefix}.{body}.!{signature}",
    ):  # fmt: skip
        with pytest.raises(Invalid):
            tokens().check(token, "room_1")


@given(st.text(max_size=200))
def test_whatever_comes_is_refused_calmly(token: str) -> None:
    for text in (token, f"rt1.{token}", f"rt1.e30.{token}"):
        with pytest.raises(Invalid):
            tokens().check(text, "room_1")
