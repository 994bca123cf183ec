"""What `make check` says of packages that are known to be vulnerable."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.vulnerable import look, pins
from transcriber.web.server import listen

LOCK = """\
aiohttp==3.9.1 ; python_full_version >= '3.11' \\
    --hash=sha256:0
jinja2==3.1.6 \\
    --hash=sha256:1
"""


async def told(answer: Any, capsys: pytest.CaptureFixture[str], **known: str) -> tuple[int, str]:
    """Ask a service that answers so; returns the status, and what is printed."""
    asked: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.json_response(answer)

    app = web.Application()
    app.router.add_post("/v1/querybatch", take)
    async with listen(app, "127.0.0.1", 0) as url:
        status = await look(f"{url}/v1/querybatch", pins(LOCK), known)
    (question,) = asked
    assert question["queries"][0] == {
        "package": {"ecosystem": "PyPI", "name": "aiohttp"}, "version": "3.9.1"
    }  # fmt: skip
    return status, capsys.readouterr().out


async def test_what_is_vulnerable_is_named_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"results": [{"vulns": [{"id": "GHSA-5h86", "modified": "2026"}]}, {}]}
    status, out = await told(answer, capsys)
    assert status == 1
    assert "aiohttp 3.9.1: https://osv.dev/GHSA-5h86\n" in out
    status, out = await told(answer, capsys, **{"GHSA-5h86": "we serve no files"})
    assert status == 0
    assert "0 in 2 packages" in out


@pytest.mark.parametrize("answer", [{"results": []}, {"message": "blocked"}, [], "no"])
async def test_another_answer_says_that_nothing_is_known_and_fails_nothing(
    answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out = await told(answer, capsys)
    assert status == 0
    assert "not asked" in out


async def test_no_service_says_that_nothing_is_known_and_fails_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await look("http://127.0.0.1:9/v1/querybatch", pins(LOCK)) == 0
    assert "not asked" in capsys.readouterr().out


def test_every_package_of_the_lock_is_asked_about() -> None:
    lock = Path("requirements.lock").read_text()
    assert len(pins(lock)) == len(re.findall(r"^[^ ]", lock, re.MULTILINE)) > 50
