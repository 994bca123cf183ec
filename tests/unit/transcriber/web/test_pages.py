"""Pages: what is served, how long it is kept, and what never is."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from transcriber.web.pages import Site, routes
from transcriber.web.problems import ProblemError

SCRIPT = "export const answer = 42;\n" * 40


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "view").mkdir()
    (tmp_path / "index.html").write_text('<script src="/assets/version/page/view/a.js"></script>')
    (tmp_path / "view" / "a.js").write_text(SCRIPT)
    (tmp_path / "package.json").write_text("{}")
    (tmp_path.parent / "secret.js").write_text("no")
    return Site({"page": tmp_path})


async def show(site: Site, **headers: str) -> web.Response:
    answer = await site.page("page/index.html")(make_mocked_request("GET", "/", headers=headers))
    assert isinstance(answer, web.Response)
    return answer


async def asset(site: Site, name: str, version: str = "", **headers: str) -> web.Response:
    request = make_mocked_request("GET", "/", headers=headers)
    request.match_info.update(version=version or site.version, name=name)
    answer = await site.asset(request)
    assert isinstance(answer, web.Response)
    return answer


def body(answer: web.Response) -> bytes:
    assert isinstance(answer.body, bytes)
    return answer.body


async def test_a_page_points_to_the_current_version_of_what_it_consists_of(site: Site) -> None:
    answer = await show(site)
    assert f'src="/assets/{site.version}/page/view/a.js"' in body(answer).decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_a_page_runs_only_our_scripts_and_talks_only_to_us(site: Site) -> None:
    headers = (await show(site)).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
    assert "microphone=(self)" in headers["Permissions-Policy"]


async def test_a_page_that_has_not_changed_is_not_sent_again(site: Site) -> None:
    first = await show(site)
    assert first.headers["Cache-Control"] == "no-cache"
    again = await show(site, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, None)
    other = await show(site, **{"If-None-Match": '"other"'})
    assert other.status == 200


async def test_what_a_page_consists_of_may_be_kept_for_ever(site: Site) -> None:
    answer = await asset(site, "page/view/a.js")
    assert body(answer).decode() == SCRIPT
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["Cache-Control"]


async def test_who_can_unpack_gets_it_packed(site: Site) -> None:
    answer = await asset(site, "page/view/a.js", **{"Accept-Encoding": "br, gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body(answer)).decode() == SCRIPT
    page = await show(site, **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in page.headers


@pytest.mark.parametrize(
    "name",
    [
        "page/view/b.js",
        "page/package.json",
        "page/../secret.js",
        "../secret.js",
        "page/view/../index.html",
        "/etc/passwd",
        "page/view/a.js\0",
    ],
)
async def test_nothing_else_is_served(site: Site, name: str) -> None:
    with pytest.raises(ProblemError) as raised:
        await asset(site, name)
    assert raised.value.problem.status == 404


async def test_files_of_another_version_are_not_mixed_with_ours(site: Site) -> None:
    with pytest.raises(ProblemError, match="load the page again"):
        await asset(site, "page/view/a.js", version="0123456789abcdef")


def test_every_change_makes_another_version(site: Site, tmp_path: Path) -> None:
    (tmp_path / "view" / "a.js").write_text(SCRIPT + "//")
    changed = Site({"page": tmp_path}).version
    (tmp_path / "view" / "a.js").rename(tmp_path / "view" / "b.js")
    assert len({site.version, changed, Site({"page": tmp_path}).version}) == 3


def test_our_own_pages_can_be_had() -> None:
    assert {route.path for route in routes()} >= {"/", "/rooms/{room_id}", "/console"}


PAGE = Path("transcriber/web")
FILES = {path for path in PAGE.rglob("*") if path.suffix in {".js", ".css", ".svg"}}


def test_whatever_our_pages_ask_for_is_there_and_nothing_else() -> None:
    asked = {
        PAGE / name
        for html in PAGE.glob("*/*.html")
        for name in re.findall(r'"/?assets/version/([^"]+)"', html.read_text())
    }
    for script in PAGE.rglob("*.js"):
        for name in re.findall(r'(?:from|URL\()\s*"(\.[^"]+)"', script.read_text()):
            asked.add(Path(os.path.normpath(script.parent / name)))
    assert asked == FILES


def test_our_pages_bring_everything_themselves() -> None:
    for path in [*FILES, *PAGE.glob("*/*.html")]:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(?:src|href|url\(|from|import)\W{0,3}https?://", text), path
        assert not re.search(r"innerHTML|\son\w+=|style=\"", text), path
