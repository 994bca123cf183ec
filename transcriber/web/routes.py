"""
What a route is.

Every part of the HTTP side is a list of `Route`s. A route says who may call it, and there is no
default for that; what it takes and gives are models, from which answers, errors and the published
description are made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel

__all__ = [
    "APPAPI",
    "BODY",
    "PUBLIC",
    "QUERY",
    "Auth",
    "Handler",
    "Kind",
    "Route",
    "Rule",
    "Serve",
    "body",
    "query",
    "room",
    "token",
]

M = TypeVar("M", bound=BaseModel)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse | BaseModel | None]]

BODY: web.RequestKey[BaseModel] = web.RequestKey("body", BaseModel)
"""Where a handler finds the request's body, if its route names a model for it."""
QUERY: web.RequestKey[BaseModel] = web.RequestKey("query", BaseModel)
"""Where it finds the parameters behind the question mark, if its route names a model for them."""


Kind = Literal["public", "token", "room", "appapi"]
"""How a caller shows who they are."""


@dataclass(frozen=True, slots=True)
class Auth:
    """Who may call: everybody, or whoever shows a token with the scope, or our Nextcloud."""

    kind: Kind
    scope: str = ""


PUBLIC = Auth("public")
APPAPI = Auth("appapi")


def token(scope: str) -> Auth:
    """Only with a bearer token that has this scope."""
    return Auth("token", scope)


def room(grant: str) -> Auth:
    """Only with a token of the room in the path that grants this."""
    return Auth("room", grant)


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    handler: Handler
    auth: Auth
    summary: str
    request: type[BaseModel] | None = None
    response: type[BaseModel] | None = None
    status: int = 200
    query: type[BaseModel] | None = None
    answers: str = "application/json"
    """The type of content that is answered, where no model describes it."""


Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""Answers a request."""
Rule = Callable[[Route, Serve], Serve]
"""Holds for every route: puts what it does around what serves the route."""


def body(request: web.Request, model: type[M]) -> M:
    """Return the body that was checked."""
    found = request[BODY]
    assert isinstance(found, model)
    return found


def query(request: web.Request, model: type[M]) -> M:
    """Return the parameters that were checked."""
    found = request[QUERY]
    assert isinstance(found, model)
    return found
