"""What people write about transcripts is understood, and nothing else."""

import pytest

from transcriber.transcripts.commands import Command, command


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("!transcript on", "on"),
        ("  !Transcript  OFF ", "off"),
        ("!transcript me   off", "me off"),
        ("!transcript me on", "me on"),
        ("!transcript", "help"),
        ("!transcript please", "help"),
    ],
)
def test_a_command_is_understood(message: str, expected: Command) -> None:
    assert command(message) == expected


@pytest.mark.parametrize(
    "message", ["", "hello", "transcript on", "!transcripts on", "a !transcript"]
)
def test_other_messages_are_not_for_us(message: str) -> None:
    assert command(message) is None
