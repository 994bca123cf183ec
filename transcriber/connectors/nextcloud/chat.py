"""
Our voice in the chats of Talk: a bot, which moderators add to a room.

Talk knows messages of a bot by a signature over them, and signs what it tells the bot in the same
way; the secret comes from Nextcloud whenever we register, which may be done again at any time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping

from transcriber.connectors.nextcloud.client import APP_API, Nextcloud, Unanswered

__all__ = ["ROUTE", "Chat"]

ROUTE = "/api/v1/talk/bot"
"""Where Talk tells the bot what happens."""
NAME = "Live transcription"
ABOUT = "Keeps transcripts of calls in this conversation, if its moderators agree to it."
CHAT = "/ocs/v2.php/apps/spreed/api/v1/bot"
RANDOM = "X-Nextcloud-Talk-Random"
SIGNATURE = "X-Nextcloud-Talk-Signature"
REMEMBERED = 1000
"""Messages whose random text is remembered, so that nobody sends one again."""
LONGEST = 512
"""Characters of a header that we look at."""


class Chat:
    """The bot."""

    def __init__(self, cloud: Nextcloud) -> None:
        self._cloud = cloud
        self._secret = ""
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def register(self) -> None:
        """Let moderators add the bot to their rooms, and learn its secret."""
        bot = {"name": NAME, "route": ROUTE, "description": ABOUT}
        answer = await self._cloud.ask("POST", f"{APP_API}/api/v1/talk_bot", bot)
        secret = answer.get("secret") if isinstance(answer, dict) else None
        if not isinstance(secret, str) or not secret:
            raise Unanswered("Nextcloud gave the chat bot no secret; is Talk installed?")
        self._secret = secret

    async def say(self, room: str, text: str, *, silent: bool = True) -> None:
        """Write into a room's chat; raises `Unanswered`, with 401 where the bot is not added."""
        if not self._secret:
            await self.register()
        random = secrets.token_hex(32)
        headers = {
            "X-Nextcloud-Talk-Bot-Random": random,
            "X-Nextcloud-Talk-Bot-Signature": self._sign(random, text.encode()),
        }
        message = {"message": text, "silent": silent}
        await self._cloud.ask("POST", f"{CHAT}/{room}/message", message, headers=headers)

    def told(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether Talk itself sent this, and for the first time."""
        random = headers.get(RANDOM, "")[:LONGEST]
        given = headers.get(SIGNATURE, "")[:LONGEST].lower()
        if not self._secret or len(random) < 32 or random in self._seen:
            return False
        expected = self._sign(random, body).encode()
        if not hmac.compare_digest(expected, given.encode(errors="surrogateescape")):
            return False
        self._seen[random] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def _sign(self, random: str, content: bytes) -> str:
        return hmac.new(
            self._secret.encode(), random.encode(errors="surrogateescape") + content, hashlib.sha256
        ).hexdigest()
