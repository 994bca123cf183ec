"""The description of the API says what the routes say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from pydantic import BaseModel, Field

from transcriber.web.openapi import document, routes
from transcriber.web.routes import APPAPI, PUBLIC, Route, room, token


class Order(BaseModel):
    """What somebody wants."""

    dish: str
    plates: int = Field(1, ge=1)


class Wanted(BaseModel):
    """Which orders."""

    limit: int = Field(50, ge=1, le=200)


async def serve(request: web.Request) -> web.Response:
    raise AssertionError("called")


ROUTES = [
    Route("POST", "/api/v1/orders", serve, token("orders:write"), "Order", Order, Order, 201),
    Route("GET", "/api/v1/orders/{id}", serve, room("look"), "One", response=Order, query=Wanted),
    Route("DELETE", "/api/v1/orders/{id}", serve, PUBLIC, "Forget", status=204),
    Route("GET", "/api/v1/files/{name:.+}", serve, PUBLIC, "A file", answers="text/plain"),
    Route("GET", "/api/v1/ws", serve, PUBLIC, "A WebSocket", status=101, answers=""),
    Route("GET", "/", serve, PUBLIC, "A page", answers="text/html"),
    Route("PUT", "/enabled", serve, APPAPI, "Nextcloud's"),
]


@pytest.fixture
def paths() -> dict[str, Any]:
    found: dict[str, Any] = document(ROUTES)["paths"]
    return found


def test_what_is_taken_and_given_are_the_models(paths: dict[str, Any]) -> None:
    order = paths["/api/v1/orders"]["post"]
    schema = {"schema": {"$ref": "#/components/schemas/Order"}}
    assert order["requestBody"]["content"] == {"application/json": schema}
    assert order["responses"]["201"]["content"] == {"application/json": schema}
    assert document(ROUTES)["components"]["schemas"]["Order"]["required"] == ["dish"]
    assert "application/problem+json" in order["responses"]["default"]["content"]


def test_who_may_call_stands_there(paths: dict[str, Any]) -> None:
    assert paths["/api/v1/orders"]["post"]["security"] == [{"token": ["orders:write"]}]
    assert paths["/api/v1/orders/{id}"]["get"]["security"] == [{"room_token": ["look"]}]
    assert paths["/api/v1/orders/{id}"]["delete"]["security"] == []


def test_parameters_are_named_with_their_form(paths: dict[str, Any]) -> None:
    named, limit = paths["/api/v1/orders/{id}"]["get"]["parameters"]
    assert (named["name"], named["in"], named["required"]) == ("id", "path", True)
    assert (limit["name"], limit["in"], limit["schema"]["maximum"]) == ("limit", "query", 200)
    (name,) = paths["/api/v1/files/{name}"]["get"]["parameters"]
    assert name["schema"]["pattern"] == "^.+$"


def test_what_has_no_model_has_a_type_of_content_or_nothing(paths: dict[str, Any]) -> None:
    assert "content" not in paths["/api/v1/orders/{id}"]["delete"]["responses"]["204"]
    assert paths["/api/v1/files/{name}"]["get"]["responses"]["200"]["content"] == {"text/plain": {}}
    assert "content" not in paths["/api/v1/ws"]["get"]["responses"]["101"]


def test_pages_and_what_nextcloud_calls_are_not_in_it(paths: dict[str, Any]) -> None:
    assert not {"/", "/enabled"} & paths.keys()


async def test_it_describes_itself_too() -> None:
    (own,) = routes(ROUTES)
    answer = await own.handler(make_mocked_request("GET", own.path))
    assert isinstance(answer, web.Response)
    described = json.loads(answer.text or "")["paths"]
    assert {own.path, "/api/v1/orders"} <= described.keys()
