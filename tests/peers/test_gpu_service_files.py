from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from modal_app import files, subtitles
from modal_app.batcher import Limits
from modal_app.loopback import Loopback, say
from modal_app.protocol import Samples
from tests.peers.gpu_service import Running, running
from tests.peers.test_gpu_service_moshi import _wav

SPEECH = "Hello there. And bye!".lower()


async def post(
    service: Running, body: bytes | None, **fields: str
) -> tuple[int, str, str, dict[str, str]]:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        form.add_field(name, value)
    if body is not None:
        form.add_field("file", io.BytesIO(body), filename="speech.wav", content_type="audio/wav")
    url = f"{service.url}/v1/audio/transcriptions"
    async with service.http.post(url, data=form) as answer:
        return answer.status, answer.content_type, await answer.text(), dict(answer.headers)


@pytest.mark.parametrize("kind", [None, "json", "verbose_json", "text", "vtt", "srt"])
async def test_a_file_is_answered_in_the_format_that_was_asked_for(kind: str | None) -> None:
    fields = {"model": "whisper-1"} | ({"response_format": kind} if kind else {})
    async with running() as service:
        status, media, text, _ = await post(service, _wav(say(SPEECH)), **fields)

    assert (status, media) == (200, subtitles.FORMATS[kind or "json"])
    if kind in (None, "json"):
        assert json.loads(text) == {"text": SPEECH}
    elif kind == "verbose_json":
        body = json.loads(text)
        assert [s["text"] for s in body["segments"]] == ["hello there.", "and bye!"]
        assert body["duration"] == pytest.approx(26 * 0.08, abs=0.1)
        assert body["words"][0]["start"] < body["words"][-1]["end"]
    elif kind == "text":
        assert text == SPEECH + "\n"
    else:
        assert text.startswith("WEBVTT" if kind == "vtt" else "1\n")
        assert "hello there.\n\n" in text


async def test_compressed_files_are_read_too(tmp_path: Path) -> None:
    import av
    import numpy as np

    path = tmp_path / "tone.mp3"
    with av.open(path, "w") as container:
        stream = container.add_stream("mp3", rate=44_100)
        tone = (np.sin(np.arange(44_100 * 3) * 0.05) * 9_000).astype(np.int16)[None]
        for begin in range(0, tone.shape[1], 1_152):
            piece = np.ascontiguousarray(tone[:, begin : begin + 1_152])
            frame = av.AudioFrame.from_ndarray(piece, format="s16p", layout="mono")
            frame.sample_rate = 44_100
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    async with running() as service:
        status, _, text, _ = await post(
            service, path.read_bytes(), response_format="verbose_json", language="fr"
        )
    body: dict[str, Any] = json.loads(text)

    assert status == 200
    assert body["language"] == "fr"
    assert body["duration"] == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize(
    ("body", "fields", "status", "says"),
    [
        (b"this is no sound file", {}, 400, "cannot be read"),
        (None, {"model": "x"}, 400, "no file"),
        (b"RIFF", {"response_format": "pdf"}, 400, "response_format is one of"),
    ],
)
async def test_what_is_wrong_is_said_so_that_people_and_clients_understand(
    body: bytes | None, fields: dict[str, str], status: int, says: str
) -> None:
    async with running() as service:
        answer = await post(service, body, **fields)
    problem = json.loads(answer[2])

    assert answer[:2] == (status, "application/problem+json")
    assert says in problem["detail"]
    assert problem["error"]["message"] == problem["detail"]
    assert "Traceback" not in answer[2]


async def test_a_body_that_is_no_form_is_refused() -> None:
    async with running() as service:
        url = f"{service.url}/v1/audio/transcriptions"
        async with service.http.post(url, data=b"x") as answer:
            assert answer.status == 415


async def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST", 1 << 20)
    async with running() as service:
        status, _, text, _ = await post(service, bytes(2 << 20))

    assert status == 413
    assert "at most 1 MiB" in json.loads(text)["detail"]


async def test_a_file_waits_for_a_slot_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0.2)
    async with running(slots=1) as service, service.stream() as speaker:
        await speaker.next()
        status, _, _, headers = await post(service, _wav(say("patience")))
        assert (status, headers["Retry-After"]) == (503, "2")
        await speaker.finish()
        again, _, text, _ = await post(service, _wav(say("patience")))

    assert (again, json.loads(text)) == (200, {"text": "patience"})


async def test_a_file_that_is_cut_off_is_not_given_as_whole() -> None:
    class Slow(Loopback):
        def step(self) -> Samples:
            threading.Event().wait(0.1)
            return super().step()

    async with running(engine=Slow(1), limits=Limits(lifetime=0.1)) as service:
        status, _, text, _ = await post(service, _wav(say("never heard")))

    assert status == 503
    assert "session too long" in json.loads(text)["detail"]
