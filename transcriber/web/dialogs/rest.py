"""
The routes about dialogs.

A conversation in writing is started here and led by whoever sends events; one in a call is led by
the call, and can be reached from here as well.
"""

from __future__ import annotations

from aiohttp import web

from dialogs import Report, UnknownFlow, check_flow
from dialogs.errors import Busy, DialogError, Ended, UnknownState
from transcriber.errors import BadInput
from transcriber.session.conversations import Conversations
from transcriber.session.host import Order
from transcriber.web.dialogs.models import (
    Begun,
    Broken,
    Dialogs,
    DialogShown,
    New,
    NewInRoom,
    ProblemShown,
    Sent,
    SessionShown,
    TakenShown,
)
from transcriber.web.paging import Items, Page, paged
from transcriber.web.problems import ProblemError
from transcriber.web.routes import Route, body, query, token

__all__ = ["DialogApi", "refusal"]

READ, WRITE = token("dialogs:read"), token("dialogs:write")
STATUS: dict[type[DialogError], tuple[int, str]] = {
    UnknownFlow: (404, "unknown-dialog"),
    UnknownState: (422, "unknown-state"),
    Ended: (409, "dialog-ended"),
    Busy: (409, "dialog-busy"),
}
"""What the library's errors are over HTTP."""


class DialogApi:
    """What programs with an API token may do."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations
        self._reports: dict[str, Report] = {}

    def routes(self) -> list[Route]:
        """The routes."""
        all_, sessions = "/api/v1/dialogs", "/api/v1/dialogs/sessions"
        one, room = f"{sessions}/{{dialog_id}}", "/api/v1/rooms/{room_id}/dialogs"
        return [
            Route("GET", all_, self._dialogs, READ, "Which dialogs there are", None, Dialogs),
            Route("POST", sessions, self._start, WRITE, "Start a conversation", New, Begun, 201),
            Route("POST", room, self._start_in, WRITE, "Start one there", NewInRoom, Begun, 201),
            Route(
                "GET", sessions, self._list, READ, "Conversations", None, Items[SessionShown],
                query=Page,
            ),
            Route("GET", one, self._get, READ, "A conversation", None, SessionShown),
            Route("POST", f"{one}/events", self._send, WRITE, "Let happen", Sent, TakenShown),
            Route("DELETE", one, self._end, WRITE, "End a conversation", status=204),
            Route("GET", f"{all_}/{{name}}", self._dialog, READ, "A dialog", None, DialogShown),
            Route(
                "GET", f"{all_}/{{name}}/diagram.svg", self._diagram, READ, "Its picture",
                answers="image/svg+xml",
            ),
        ]  # fmt: skip

    async def _dialogs(self, request: web.Request) -> Dialogs:
        library = self._conversations.library
        flows = sorted(library.flows.values(), key=lambda flow: flow.name)
        broken = [
            Broken(file=file, problems=[ProblemShown.of(one) for one in problems])
            for file, problems in sorted(library.broken.items())
        ]
        return Dialogs(
            items=[DialogShown.of(flow, self._report(flow.name)) for flow in flows], broken=broken
        )

    async def _dialog(self, request: web.Request) -> DialogShown:
        name = request.match_info["name"]
        report = self._report(name)
        return DialogShown.of(self._conversations.library.get(name), report)

    async def _diagram(self, request: web.Request) -> web.Response:
        report = self._report(request.match_info["name"])
        return web.Response(text=report.svg, content_type="image/svg+xml")

    async def _start(self, request: web.Request) -> web.Response:
        wish = body(request, New)
        if wish.room and "talk" not in self._conversations.calls:
            raise BadInput(
                "there are no Talk calls here", remedy="POST to /api/v1/rooms/{room_id}/dialogs"
            )
        return await self._begin(wish, "talk" if wish.room else "", wish.room)

    async def _start_in(self, request: web.Request) -> web.Response:
        return await self._begin(body(request, NewInRoom), "room", request.match_info["room_id"])

    async def _begin(self, wish: NewInRoom, place: str, room: str) -> web.Response:
        order = Order(
            dialog=wish.dialog,
            id=wish.id or "",
            place=place,
            room=room,
            state=wish.state,
            variables=wish.variables,
        )
        try:
            account, taken = await self._conversations.start(order)
        except DialogError as error:
            raise refusal(error) from error
        where = {"Location": f"/api/v1/dialogs/sessions/{account.id}"}
        shown = Begun.with_(account, taken).model_dump_json()
        return web.json_response(text=shown, status=201, headers=where)

    async def _list(self, request: web.Request) -> Items[SessionShown]:
        page = query(request, Page)
        found = await self._conversations.page(after=page.cursor, limit=page.limit + 1)
        return paged(found, page.limit, SessionShown.of, lambda account: account.id)

    async def _get(self, request: web.Request) -> SessionShown:
        return SessionShown.of(await self._conversations.get(request.match_info["dialog_id"]))

    async def _send(self, request: web.Request) -> TakenShown:
        id_, sent = request.match_info["dialog_id"], body(request, Sent)
        try:
            return TakenShown.of(await self._conversations.send(id_, *sent.events()))
        except DialogError as error:
            raise refusal(error) from error

    async def _end(self, request: web.Request) -> None:
        try:
            await self._conversations.end(request.match_info["dialog_id"])
        except DialogError as error:
            raise refusal(error) from error

    def _report(self, name: str) -> Report:
        """What there is to say about a flow; worked out once for each version."""
        library = self._conversations.library
        try:
            flow = library.get(name)
        except UnknownFlow as error:
            raise refusal(error) from error
        if flow.digest not in self._reports:
            current = {one.digest for one in library.flows.values()}
            self._reports = {key: one for key, one in self._reports.items() if key in current}
            self._reports[flow.digest] = check_flow(flow)
        return self._reports[flow.digest]


def refusal(error: DialogError) -> ProblemError:
    """The answer for what the library refuses."""
    status, slug = STATUS.get(type(error), (500, "dialog-failed"))
    return ProblemError(
        status, slug, str(error), retry_after=1 if isinstance(error, Busy) else None
    )
