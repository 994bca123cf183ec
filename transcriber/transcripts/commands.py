"""What people write in a room's chat about transcripts, and what is answered."""

from __future__ import annotations

from typing import Literal

__all__ = ["BEGUN", "ENDED", "HELP", "Command", "command"]

Command = Literal["help", "on", "off", "me off", "me on"]

WORD = "!transcript"
KNOWN: dict[str, Command] = {
    "": "help",
    "help": "help",
    "on": "on",
    "off": "off",
    "me off": "me off",
    "me on": "me on",
}

HELP = (
    "`!transcript on` (moderators): transcripts of this room's calls are kept.\n"
    "`!transcript off` (moderators): none are kept any more.\n"
    "`!transcript me off`: what you say is left out, in this room and from now on; of the call "
    "that is going on, what you said before, too.\n"
    "`!transcript me on`: what you say is kept again."
)
BEGUN = (
    "📝 A transcript of this call is being kept. Who does not want to be in it writes "
    "`!transcript me off`; moderators end it with `!transcript off`."
)
ENDED = "📝 No transcript of this call is kept any more."


def command(message: str) -> Command | None:
    """Understand a chat message; nothing if it is not for us."""
    word, _, rest = message.strip().partition(" ")
    if word.lower() != WORD:
        return None
    return KNOWN.get(" ".join(rest.lower().split()), "help")
