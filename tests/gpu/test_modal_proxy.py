"""
The same conversations as in `tests/peers`, through the code that stands before a Modal container.

Close codes do not come through there, so the tests that look at them are not among these.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from modal._runtime.asgi import web_server_proxy

from tests.peers import gpu_service
from tests.peers.test_gpu_service_files import (  # noqa: F401
    test_a_file_is_answered_in_the_format_that_was_asked_for,
)
from tests.peers.test_gpu_service_moshi import (  # noqa: F401
    test_a_file_can_be_posted,
    test_an_ended_stream_says_why,
    test_opus_in_an_ogg_stream_is_heard,
    test_the_first_message_is_ready_and_progress_is_told_for_each_frame,
)
from tests.peers.test_gpu_service_stream import (  # noqa: F401
    test_a_client_that_knows_only_the_three_fields_has_live_words_and_segments,
    test_a_flush_brings_what_is_waiting_and_says_which_flush_it_was,
    test_figures_are_there_for_prometheus,
    test_int16_is_understood_when_it_is_asked_for,
    test_opus_packets_keep_the_clock_even_when_some_are_damaged,
    test_progress_is_told_only_to_who_asked,
    test_the_secret_opens_the_stream,
    test_who_is_still_there_after_the_grace_is_told,
    test_words_come_with_times_and_a_pause_ends_the_segment,
)
from tests.ports import free_port


def as_modal_calls_it(app: Any) -> Any:
    """On Modal nothing more comes after a disconnect; uvicorn repeats it without a pause."""

    async def called(scope: Any, receive: Any, send: Any) -> None:
        gone = False

        async def once() -> Any:
            nonlocal gone
            if gone:
                await asyncio.Event().wait()
            message = await receive()
            gone = message["type"] == "http.disconnect"
            return message

        await app(scope, once, send)

    return called


@asynccontextmanager
async def modal_front(port: int) -> AsyncIterator[int]:
    """Modal's proxy on a port of its own."""
    own = free_port()
    config = uvicorn.Config(
        as_modal_calls_it(web_server_proxy("127.0.0.1", port)),
        host="127.0.0.1",
        port=own,
        log_level="error",
        lifespan="on",
        ws="websockets-sansio",
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    try:
        yield own
    finally:
        server.should_exit = True
        await serving


@pytest.fixture(autouse=True)
def _through_modal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_service, "front", modal_front)


async def test_a_refusal_comes_through_in_words() -> None:
    async with gpu_service.running(slots=1) as service, service.stream() as first:
        await first.next()
        async with service.stream() as second:
            (problem,) = await second.rest()
        assert str(problem) == "Error(message='all 1 slots are in use', retry_after=2.0)"
