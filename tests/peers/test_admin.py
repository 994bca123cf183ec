"""Nextcloud's administrator: the form, the warnings and the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from tests.peers import until
from tests.peers.nextcloud import SECRET
from tests.peers.nextcloud import Nextcloud as Cloud
from tests.ports import free_port
from transcriber.app import form
from transcriber.app.form import Form, ask, scheme
from transcriber.app.serve import serve
from transcriber.config import load, table
from transcriber.connectors.nextcloud import Nextcloud
from transcriber.connectors.nextcloud.admin import Admin
from transcriber.connectors.nextcloud.log import PACE, forwarding
from transcriber.telemetry import TelemetryOptions, configure_logs


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with Cloud().running() as running:
        yield running


def home(cloud: Cloud) -> Nextcloud:
    assert cloud._http
    return Nextcloud(cloud.identity, cloud._http)


def environment(cloud: Cloud, **more: str) -> dict[str, str]:
    return {"APP_ID": "live_transcription", "APP_SECRET": SECRET, "NEXTCLOUD_URL": cloud.url} | more


async def filled(cloud: Cloud, **more: str) -> Form:
    environ = environment(cloud, **more)
    return await ask(load(environ), environ)


def test_the_form_has_what_nextcloud_demands_of_one() -> None:
    names = {setting.name for setting in table()}
    shown = scheme()
    assert {"id", "priority", "section_type", "section_id", "title", "fields"} <= set(shown)
    kinds = {
        "text", "password", "email", "tel", "url", "number", "checkbox", "multi-checkbox",
        "radio", "select", "multi-select",
    }  # fmt: skip
    for field in shown["fields"]:
        assert field["id"] in names
        assert field["type"] in kinds
        assert field["title"]
        assert ("options" in field) == (field["type"] in ("select", "multi-checkbox"))


async def test_what_is_filled_in_counts_where_the_environment_says_nothing(cloud: Cloud) -> None:
    cloud.admin.filled = {
        "ASR_BACKEND": "vosk", "ASR_LANGUAGE": "de", "REDACT": '["email"]', "TRANSCRIPTS": True,
        "TRANSCRIPT_DAYS": "7", "OPENAI_API_KEY": "key", "SOMETHING": "else",
    }  # fmt: skip
    found = await filled(cloud, ASR_BACKEND="local", OPENAI_API_KEY_FILE="/dev/null")
    settings = load({**environment(cloud), **found.values})
    assert "ASR_BACKEND" not in found.values
    assert "OPENAI_API_KEY" not in found.values
    assert settings.speech.language == "de"
    assert settings.transcripts.keep
    assert settings.transcripts.days == 7
    assert settings.captions.kinds == ("email",)
    assert found.problems == ()


async def test_what_makes_no_sense_is_left_out_and_told(cloud: Cloud) -> None:
    cloud.admin.filled = {"ASR_LANGUAGE": "Klingon!", "TRANSCRIPT_DAYS": "many", "REDACT": "email"}
    found = await filled(cloud)
    assert found.values == {"REDACT": "email"}
    assert {problem.setting for problem in found.problems} == {"ASR_LANGUAGE", "TRANSCRIPT_DAYS"}


async def test_a_nextcloud_that_does_not_answer_is_done_without(cloud: Cloud) -> None:
    cloud.admin.filled, cloud.admin.away = {"ASR_LANGUAGE": "de"}, 1
    assert (await filled(cloud)).values == {"ASR_LANGUAGE": "de"}
    cloud.admin.away = 3
    assert await filled(cloud) == Form()


async def test_without_nextcloud_there_is_no_form() -> None:
    assert await ask(load({}), {}) == Form()


async def test_a_change_of_the_form_is_noticed(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form, "LOOK", 0.02)
    cloud.admin.filled = {"ASR_LANGUAGE": "de"}
    known = await filled(cloud)
    task = asyncio.create_task(form.changed(home(cloud), known))
    cloud.admin.away = 2
    await asyncio.sleep(0.3)
    assert not task.done()
    cloud.admin.filled["ASR_LANGUAGE"] = "fr"
    await asyncio.wait_for(task, 5)


async def test_an_older_nextcloud_looks_at_no_checks(cloud: Cloud) -> None:
    assert await Admin(home(cloud)).offer_checks()
    cloud.admin.looks_at_checks = False
    assert not await Admin(home(cloud)).offer_checks()


async def test_our_warnings_are_in_nextclouds_log(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transcriber.connectors.nextcloud.log.PACE", 0.0)
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    configure_logs(TelemetryOptions.model_validate({"LOG_PII": True}))
    log = structlog.get_logger("test")
    cloud.admin.away = 1
    try:
        async with forwarding(Admin(home(cloud))):
            log.warning("speaker not heard", room="r", pii_name="Ann")
            log.warning("speaker not heard", room="r", pii_name="Bob")
            log.info("nothing")
            await asyncio.to_thread(log.error, "all is lost")
            await until(lambda: len(cloud.admin.lines) == 2)
        log.warning("afterwards")
        await asyncio.sleep(0.1)
    finally:
        structlog.configure(**before)
        logging.getLogger().handlers = handlers
    assert PACE == 1.0
    assert cloud.admin.lines == [(2, "speaker not heard (room: r)"), (3, "all is lost")]


async def test_the_service_shows_the_form_and_begins_anew_when_it_changes(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(form, "LOOK", 0.05)
    port = free_port()
    cloud.app_url, cloud.state = f"http://127.0.0.1:{port}", 1
    cloud.admin.filled = {"ASR_LANGUAGE": "not one"}
    environ = environment(
        cloud, APP_PORT=str(port), HTTP_PORT="0", WORKERS="0", ASR_BACKEND="vosk",
        LT_HPB_URL="http://127.0.0.1:9", LT_INTERNAL_SECRET="s", DATA_DIR=str(tmp_path),
        TRANSCRIPTS="1",
    )  # fmt: skip
    known = await ask(load(environ), environ)
    settings = load(environ | {**known.values})
    listening = asyncio.Event()
    running = asyncio.create_task(serve(settings, lambda url: listening.set(), known))
    await asyncio.wait_for(listening.wait(), 30)
    await until(lambda: cloud.admin.checked and cloud.admin.form and cloud.talk.route)
    status, checks = await cloud.call("GET", "/setup_checks")
    assert status == 200
    assert checks["form_asr_language"]["status"] == "warning"
    assert checks["recogniser"]["status"] == "error"
    assert (await cloud.call("GET", "/setup_checks", sent={}))[0] == 401
    assert not running.done()
    cloud.admin.filled["ASR_LANGUAGE"] = "fr"
    assert await asyncio.wait_for(running, 60) is True
