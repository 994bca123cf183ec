"""The description is one that the app store takes, and says nothing that is not so."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import pytest
from aiohttp import web

from tests.unit.appinfo.rules import problems
from transcriber.web.appapi import behind
from transcriber.web.routes import APPAPI, PUBLIC, Route, room, token

TEXT = Path("appinfo/info.xml").read_text()
INFO = ElementTree.fromstring(TEXT)


def test_the_app_store_takes_it() -> None:
    assert problems(INFO) == []


def test_it_leads_nowhere_that_is_not_there() -> None:
    addresses = re.findall(r"https?://[^\s<\"]+", TEXT)
    assert addresses
    assert not [one for one in addresses if "example" in one]


ADMIN = token("admin")
SHOWN = {
    "/console": PUBLIC, "/assets/1/console/main.js": PUBLIC, "/api/v1/session": PUBLIC,
    "/api/v1/console/stream": ADMIN, "/api/v1/audit": ADMIN, "/api/v1/rooms/{room_id}": ADMIN,
}  # fmt: skip
HIDDEN = {
    "/init": APPAPI, "/enabled": APPAPI, "/heartbeat": PUBLIC, "/bot": PUBLIC, "/metrics": ADMIN,
    "/api/v1/call/transcribe": APPAPI, "/api/v1/languages": APPAPI, "/api/v1/events": ADMIN,
    "/console/signed-in": PUBLIC, "/api/v1/sign-in": PUBLIC, "/x/console": PUBLIC,
}  # fmt: skip


def test_administrators_reach_the_console_with_their_browser_and_nobody_reaches_more() -> None:
    routes = INFO.findall("external-app/routes/route")
    assert {route.findtext("access_level") for route in routes} == {"ADMIN"}
    for route in routes:
        assert json.loads(route.findtext("headers_to_exclude", "")) == ["authorization", "cookie"]
    for path, auth in (SHOWN | HIDDEN).items():
        reached = any(re.search(route.findtext("url", ""), path) for route in routes)
        known = behind(Route("GET", path, nothing, auth, "Something"))
        assert reached == known == (path in SHOWN), path


def test_who_is_not_let_into_a_room_elsewhere_is_not_here() -> None:
    for auth in (PUBLIC, room("join")):
        assert not behind(Route("GET", "/api/v1/rooms/{room_id}/ws", nothing, auth, "Something"))


async def nothing(request: web.Request) -> None:
    """Answer nothing: nobody asks."""


def without(path: str) -> Callable[[Element], None]:
    parent, _, name = path.rpartition("/")

    def change(info: Element) -> None:
        home = info.find(parent) if parent else info
        assert home is not None
        for one in home.findall(name):
            home.remove(one)

    return change


def saying(path: str, text: str) -> Callable[[Element], None]:
    def change(info: Element) -> None:
        found = info.find(path)
        assert found is not None
        found.text = text

    return change


def again(path: str, **about: str) -> Callable[[Element], None]:
    def change(info: Element) -> None:
        SubElement(info, path, about).text = info.findtext(path)

    return change


def from_too_late(info: Element) -> None:
    needs = info.find("dependencies/nextcloud")
    assert needs is not None
    needs.set("min-version", "99")


def of_former_times(info: Element) -> None:
    SubElement(info, "standalone")


MISTAKES: dict[str, Callable[[Element], None]] = {
    "no author": without("author"),
    "no bugs": without("bugs"),
    "no image": without("external-app/docker-install/image"),
    "no Nextcloud": without("dependencies/nextcloud"),
    "unknown licence": saying("licence", "AGPL-3.0"),
    "unknown category": saying("category", "captions"),
    "no version": saying("version", "0.1"),
    "an id with a dash": saying("id", "live-transcription"),
    "a long summary": saying("summary", "x" * 129),
    "no address": saying("bugs", "mailto:somebody"),
    "a name twice": again("name"),
    "a name in no language": again("name", lang="English"),
    "a category twice": again("category"),
    "two ids": again("id"),
    "an element of former times": of_former_times,
    "Nextcloud of the future": from_too_late,
    "a variable without a title": without(
        "external-app/environment-variables/variable/display-name"
    ),
    "a variable in lower case": saying("external-app/environment-variables/variable/name", "url"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_the_store_refuses_is_found(mistake: str) -> None:
    info = copy.deepcopy(INFO)
    MISTAKES[mistake](info)
    assert len(problems(info)) == 1
