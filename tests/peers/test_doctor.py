"""The report for maintainers: what stands in it, and what does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.peers.command import transcriber
from tests.peers.service import service
from tests.peers.test_web import TOKEN
from transcriber.doctor import redacted

SECRETS = {
    "API_TOKEN": "s3cret",
    "OPENAI_API_KEY": 'sk-this-is-a-"secret"',
    "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
    "LT_INTERNAL_SECRET": "the internal one",
    "LT_HPB_URL": "http://admin:pa55word@127.0.0.1:1",
}


async def test_it_tells_of_the_running_service_and_no_secret(tmp_path: Path) -> None:
    async with service(env={"WORKERS": "0"}) as (http, _):
        port = str(http._base_url.port if http._base_url else 0)
        async with http.get("/api/v1/console", headers=TOKEN) as answer:
            assert answer.status == 200
        file = tmp_path / "report.json"
        wish = ("doctor", "--output", str(file), "--json")
        ran = transcriber(*wish, env=SECRETS | {"HTTP_PORT": port})
    assert (ran.code, json.loads(ran.out)) == (0, {"report": str(file)}), ran.err
    text = file.read_text()
    report: dict[str, Any] = json.loads(text)
    told = report["service"]
    assert told["/health"].startswith("200")
    assert "transcriber_calls" in told["/metrics"]
    assert "started" in [line["event"] for line in told["log"]]
    assert report["settings"]["API_TOKEN"] == "(set) (environment)"
    wrong = {one["setting"] for one in report["checks"] if one["problem"]}
    assert wrong == {"HTTP_PORT", "LLM_BACKEND", "LT_HPB_URL"}
    for secret in ("s3cret", "this-is-a", "the internal one", "pa55word"):
        assert secret not in text


def test_it_says_what_it_can_when_nothing_runs_and_nothing_works() -> None:
    ran = transcriber("doctor", env={"HTTP_PORT": "1", "ASR_BACKEND": "vosk"})
    report = json.loads(ran.out)
    assert ran.code == 0
    assert report["service"]["/health"] == "ClientConnectorError"
    assert "LT_VOSK_SERVER_URL" in json.dumps(report["checks"])


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    ran = transcriber("doctor", "--output", str(tmp_path / "no" / "report.json"))
    assert (ran.code, "cannot be written" in ran.err) == (2, True)


def test_secrets_are_found_however_they_are_written() -> None:
    text = json.dumps({"a": 'one"two', "b": "see http://me:word@host/", "c": "abc"})
    hidden = redacted(text, frozenset({'one"two', "abc"}))
    assert json.loads(hidden) == {"a": "(hidden)", "b": "see http://me:(hidden)@host/", "c": "abc"}
