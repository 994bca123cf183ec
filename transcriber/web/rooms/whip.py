"""
In a room by one request and one answer: sending by WHIP (RFC 9725), as OBS, GStreamer and FFmpeg
do, and watching by WHEP, as players do.

They are participants whose token grants it. They leave when they say so, and when their way to us
is lost; who sends may look for another one before (an ICE restart). Who watches may wish for a size
of a picture, by the extension of WHEP for that; without one they get the largest that fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from transcriber.errors import BadInput, NotFound
from transcriber.rtc import sdp
from transcriber.rtc.sfu.participant import Participant
from transcriber.rtc.sfu.room import Member, Message, Room, Witness
from transcriber.rtc.sfu.rooms import Rooms
from transcriber.rtc.sfu.track import LAYERS, Shown, Track
from transcriber.rtc.sfu.viewer import Viewer
from transcriber.web.problems import ProblemError
from transcriber.web.rooms.guard import CLAIMS, may_enter
from transcriber.web.routes import Route, body, room

__all__ = ["Whip"]

SDP, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
NAMED = "a=ice-ufrag:", "a=ice-pwd:"
"""Lines that are other ones after an ICE restart."""
FOUND = "a=candidate:", "a=end-of-candidates"
LAYER = "urn:ietf:params:whep:ext:core:layer"
"""What the link to wish for a size is called."""
LARGEST = 200_000
"""Bytes of a description."""
GRANTS = {"whip": "publish", "whep": "subscribe"}
MORE = {"whip": "Name more candidates, or start ICE again", "whep": "Name more candidates"}
SHOWN = {"audio": Shown("microphone"), "video": Shown("camera")}
"""What others are told that a section shows."""


class Wish(BaseModel):
    """How large a picture is to be: `encodingId` or `maxSpatialLayerId`; without them: any."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)

    media_id: Annotated[str, Field(max_length=32)]
    encoding_id: Literal["low", "mid", "high"] | None = None
    max_spatial_layer_id: Annotated[int, Field(ge=0, le=7)] | None = None

    @property
    def layer(self) -> str:
        """Our name of it."""
        if self.encoding_id or self.max_spatial_layer_id is None:
            return self.encoding_id or ""
        return LAYERS[min(self.max_spatial_layer_id, len(LAYERS) - 1)]


class Whip:
    """Takes in those who only send, and those who only watch."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> list[Route]:
        """The routes."""
        begins = {"whip": self._send, "whep": self._watch}
        about = {"whip": "Send into a room, by WHIP", "whep": "Watch a room, by WHEP"}
        routes = []
        for name, begin in begins.items():
            base, grant = f"/api/v1/rooms/{{room_id}}/{name}", room(GRANTS[name])
            one = f"{base}/{{participant_id}}"
            routes += [
                Route("POST", base, begin, grant, about[name], status=201, answers=SDP),
                Route("PATCH", one, self._change, grant, MORE[name], status=204, answers=FRAGMENT),
                Route("DELETE", one, self._end, grant, "Leave the room", status=204),
            ]
        watching = "/api/v1/rooms/{room_id}/whep/{participant_id}/layer"
        what = "Choose the size of a picture"
        return [*routes, Route("POST", watching, self._choose, room(GRANTS["whep"]), what, Wish)]

    async def _send(self, request: web.Request) -> web.Response:
        place, identity, name = may_enter(request, self._rooms)
        offer = await _described(request, SDP)
        shown = _shown(offer)
        who = self._rooms.join(place, identity=identity, name=name, grants=("publish",))
        sender = _Sender(place, who, shown)
        try:
            answer = await sender.publish(offer)
        except BaseException:
            who.leave("left")
            raise
        who.reach(sender.told)
        return _created(request, who, answer)

    async def _watch(self, request: web.Request) -> web.Response:
        place, identity, name = may_enter(request, self._rooms)
        offer = await _described(request, SDP)
        who, answer = await self._rooms.view(place, offer, identity=identity, name=name)
        created = _created(request, who, answer)
        created.headers["Link"] = f'<{created.headers["Location"]}/layer>; rel="{LAYER}"'
        return created

    async def _choose(self, request: web.Request) -> web.Response:
        who, wish = self._who(request), body(request, Wish)
        if not isinstance(who, Viewer):
            raise NotFound("there is nobody who watches")
        who.limit(wish.media_id, wish.layer)
        return web.json_response({})

    async def _change(self, request: web.Request) -> web.Response | None:
        who, fragment = self._who(request), await _described(request, FRAGMENT)
        senders = (one for one in who.room.witnesses if isinstance(one, _Sender))
        sender = next((one for one in senders if one.who is who), None)
        tag = sender.tag if sender else _tag(who)
        if request.headers.get("If-Match", "*") not in ("*", tag):
            raise ProblemError(412, "precondition-failed", f"the way agreed on last is {tag}")
        if sender and sender.is_other(fragment):
            text = await sender.restart(fragment)
            return web.Response(text=text, content_type=FRAGMENT, headers={"ETag": sender.tag})
        if isinstance(who, Viewer) and set(_lines(fragment, NAMED[:1])) - {NAMED[0] + who.ufrag}:
            raise ProblemError(422, "unprocessable", "ICE is not started again here; watch anew")
        await _trickle(who, fragment)
        return None

    async def _end(self, request: web.Request) -> None:
        self._who(request).leave("left")

    def _who(self, request: web.Request) -> Participant | Viewer:
        place = self._rooms.find(request.match_info["room_id"])
        who = place.members.get(request.match_info["participant_id"])
        if isinstance(who, Participant | Viewer) and who.identity == request[CLAIMS].identity:
            return who
        raise NotFound("there is no such participant")


class _Sender(Witness):
    """Somebody who sends: starts ICE again, and is seen out when nothing comes any more."""

    def __init__(self, place: Room, who: Participant, shown: Mapping[str, Shown]) -> None:
        self.who = who
        self._shown = shown
        self._offer = ""
        self._restarts = 0
        self._stop = place.watch(self)

    @property
    def tag(self) -> str:
        """What the way that was agreed on last is called."""
        return _tag(self.who, self._restarts)

    async def publish(self, offer: str) -> str:
        """Take their offer; returns the answer."""
        published = await self.who.sending.publish(offer, self._shown)
        self._offer = offer
        return str(published["sdp"])

    def is_other(self, fragment: str) -> bool:
        """Whether a fragment is about another way than the last one."""
        return not set(_lines(fragment, NAMED)) <= set(_lines(self._offer, NAMED))

    async def restart(self, fragment: str) -> str:
        """Look for another way; returns what they have to know of it."""
        lines = [line for line in self._offer.splitlines() if not line.startswith(NAMED + FOUND)]
        head = next(place for place, line in enumerate(lines) if line.startswith("m="))
        lines[head:head] = _lines(fragment, NAMED)
        answer = sdp.parse(await self.publish("\r\n".join([*lines, ""]))).main
        self._restarts += 1
        await _trickle(self.who, fragment)
        return _fragment(answer)

    def told(self, message: Message) -> None:
        """They hear nothing from us; but when no way to them was found, that was it."""
        if message["type"] == "error" and not self._restarts:
            self.who.leave("lost")

    def unpublished(self, member: Member, track: Track) -> None:
        """They have lost their way to us."""
        if member is self.who and not member.tracks:
            self.who.leave("lost")

    def gone(self, member: Member) -> None:
        """They have left."""
        if member is self.who:
            self._stop()


async def _trickle(who: Participant | Viewer, fragment: str) -> None:
    take = who.trickle if isinstance(who, Viewer) else who.sending.candidate
    for line in _lines(fragment, FOUND):
        await take("" if line == FOUND[1] else line.removeprefix("a="))


def _lines(text: str, names: tuple[str, ...]) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.startswith(names)]


def _fragment(ours: sdp.Section) -> str:
    """Say how we can be reached."""
    lines = [
        f"a=ice-ufrag:{ours.ufrag}",
        f"a=ice-pwd:{ours.password}",
        f"m={ours.kind} 9 {ours.protocol} {' '.join(ours.formats)}",
        f"a=mid:{ours.mid}",
        *(f"a={candidate}" for candidate in ours.candidates),
        "a=end-of-candidates",
    ]
    return "\r\n".join([*lines, ""])


def _tag(who: Participant | Viewer, restarts: int = 0) -> str:
    return f'"{who.id}-{restarts}"'


def _created(request: web.Request, who: Participant | Viewer, answer: str) -> web.Response:
    headers = {"Location": f"{request.path}/{who.id}", "ETag": _tag(who)}
    return web.Response(text=answer, content_type=SDP, status=201, headers=headers)


def _shown(offer: str) -> dict[str, Shown]:
    """Return what each section of an offer shows that sends something."""
    found = {
        section.mid: SHOWN[section.kind]
        for section in sdp.parse(offer).sections
        if section.kind in SHOWN and section.direction in ("sendonly", "sendrecv")
    }
    if not found:
        raise BadInput("the offer sends neither sound nor a picture")
    return found


async def _described(request: web.Request, wanted: str) -> str:
    """Return the body of a request, which must be of a type and not too large."""
    if request.content_type != wanted:
        raise ProblemError(415, "unsupported-media-type", f"send {wanted}")
    body = await request.content.read(LARGEST + 1)
    while len(body) <= LARGEST and (more := await request.content.read(LARGEST + 1 - len(body))):
        body += more
    if len(body) > LARGEST:
        raise ProblemError(413, "too-large", f"a description of more than {LARGEST} bytes")
    return body.decode("utf-8", "replace")
