"""
The description of the API, made of the routes themselves: OpenAPI 3.1.

What a route takes and gives are models, and who may call it stands beside them, so the description
cannot say anything else than what is served. Pages, and what only our Nextcloud calls, are not in
it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from transcriber.web.problems import Problem
from transcriber.web.routes import PUBLIC, Kind, Route

__all__ = ["document", "routes"]

REFERENCE = "#/components/schemas/{model}"
PLACE = re.compile(r"\{(\w+)(?::([^}]+))?\}")
"""A part of a path that names something, perhaps with the form it has."""
SCHEMES: dict[Kind, tuple[str, dict[str, str]]] = {
    "token": ("token", {"description": "made by `transcriber tokens add`, or `API_TOKEN`"}),
    "room": ("room_token", {"description": "made by POST /api/v1/rooms/{room_id}/tokens"}),
}
"""How callers show who they are, by kind of route."""
PROBLEM = {
    "application/problem+json": {"schema": {"$ref": REFERENCE.format(model=Problem.__name__)}}
}
ABOUT = """\
A POST that carries `Idempotency-Key` may be sent again and is done once. \
Errors are `application/problem+json` (RFC 9457); each answer carries `X-Request-Id`. Lists take \
`limit` and `cursor`. Who asks too often gets 429 with `Retry-After`. What happens is told live at \
`/api/v1/events`, and to webhooks."""

Model = tuple[type[BaseModel], JsonSchemaMode]
References = Mapping[Any, Any]
"""Where the schema of a model stands, by the model and the direction in which it goes."""


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Describe routes."""
    described = [route for route in routes if _described(route)]
    models = dict.fromkeys(model for route in described for model in _models(route))
    made, definitions = models_json_schema(
        [*models, (Problem, "serialization")], ref_template=REFERENCE
    )
    references: References = dict(made)
    paths: dict[str, dict[str, Any]] = {}
    for route in described:
        path = PLACE.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, references)
    schemes = {name: {"type": "http", "scheme": "bearer"} | said for name, said in SCHEMES.values()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "transcriber", "version": version("transcriber"), "description": ABOUT},
        "paths": paths,
        "components": {"schemas": definitions["$defs"], "securitySchemes": schemes},
    }


def routes(served: Sequence[Route]) -> list[Route]:
    """Serve the description of what is served."""

    @cache
    def text() -> str:
        return json.dumps(document(described))

    async def show(request: web.Request) -> web.Response:
        return web.json_response(text=text())

    own = Route("GET", "/api/v1/openapi.json", show, PUBLIC, "This description")
    described = [*served, own]
    return [own]


def _described(route: Route) -> bool:
    return route.auth.kind != "appapi" and route.answers != "text/html"


def _models(route: Route) -> Iterator[Model]:
    if route.request:
        yield route.request, "validation"
    if route.response:
        yield route.response, "serialization"


def _operation(route: Route, references: References) -> dict[str, Any]:
    words = re.findall(r"\w+", PLACE.sub(r"\1", route.path).removeprefix("/api/v1"))
    operation: dict[str, Any] = {
        "operationId": "_".join([route.method.lower(), *words]),
        "summary": route.summary,
        "tags": [words[0]],
        "parameters": [*_places(route.path), *_questions(route.query)],
        "security": [],
        "responses": _responses(route, references),
    }
    if scheme := SCHEMES.get(route.auth.kind):
        operation["security"] = [{scheme[0]: [route.auth.scope]}]
    if route.request:
        schema = references[route.request, "validation"]
        content = {"application/json": {"schema": schema}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _places(path: str) -> Iterator[dict[str, Any]]:
    for name, form in PLACE.findall(path):
        schema = {"type": "string", "minLength": 1} | ({"pattern": f"^{form}$"} if form else {})
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _questions(model: type[BaseModel] | None) -> Iterator[dict[str, Any]]:
    for name, schema in (model.model_json_schema()["properties"] if model else {}).items():
        yield {"name": name, "in": "query", "schema": schema}


def _responses(route: Route, references: References) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if route.response:
        schema = references[route.response, "serialization"]
        answer["content"] = {"application/json": {"schema": schema}}
    elif route.answers and route.status != HTTPStatus.NO_CONTENT:
        answer["content"] = {route.answers: {}}
    problem = {"description": "What went wrong", "content": PROBLEM}
    return {str(route.status): answer, "default": problem}
