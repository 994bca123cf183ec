"""Language models on a socket, which write as their references have it: events of a stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from aiohttp import web

from tests.conformance.llm import LOOKING, SAID, WEATHER
from tests.peers.engines.mouth import Asked, Trouble, answering
from tests.peers.engines.server import Mischief

__all__ = ["DIALECTS", "Written", "anthropic", "chat", "completions", "messages"]

Written = Sequence[dict[str, Any] | str]
"""The events of an answer."""
Dialect = Callable[[list[str], bool], Written]
"""Writes words, and the call of a tool if there is to be one."""
CITY = ('{"ci', 'ty": "Par', 'is"}')
USED = {"prompt_tokens": 31, "completion_tokens": 9, "total_tokens": 40}


def chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": None} | more
    return {"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def openai(words: list[str], tool: bool) -> Written:
    """A tool call in parts, usage at the end, a last word."""
    begun = {"index": 0, "id": "call_a", "type": "function"}
    called = [chunk({"tool_calls": [begun | {"function": {"name": "weather", "arguments": ""}}]})]
    called += [
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]}) for part in CITY
    ]
    end = chunk({}, finish_reason="tool_calls" if tool else "stop")
    return [
        chunk({"role": "assistant", "content": "", "refusal": None}),
        *(chunk({"content": word}) for word in words),
        *(called if tool else []),
        end,
        {"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": USED},
        "[DONE]",
    ]


def ollama(words: list[str], tool: bool) -> Written:
    """Thinks aloud; a whole tool call at once, without anything else."""
    function = {"name": "weather", "arguments": "".join(CITY)}
    call = {"id": "call_x", "index": 0, "type": "function", "function": function}
    return [
        *(chunk({"role": "assistant", "content": part}) for part in ("<thi", "nk>Hm.</think>\n\n")),
        *(chunk({"role": "assistant", "content": word}) for word in words),
        *([chunk({"role": "assistant", "content": "", "tool_calls": [call]})] if tool else []),
        chunk({"role": "assistant", "content": ""}, finish_reason="stop") | {"usage": USED},
        "[DONE]",
    ]


def gemini(words: list[str], tool: bool) -> Written:
    """Usage with every event, a tool call without an index or an id, no last word."""
    call = {"type": "function", "function": {"name": "weather", "arguments": "".join(CITY)}}
    counted = [{"usage": USED | {"completion_tokens": n + 1}} for n in range(len(words))]
    return [
        *(chunk({"content": w}) | used for w, used in zip(words, counted, strict=True)),
        *([chunk({"tool_calls": [call]})] if tool else []),
        chunk({"content": ""}, finish_reason="stop") | {"usage": USED},
    ]


DIALECTS: dict[str, Dialect] = {"openai": openai, "ollama": ollama, "gemini": gemini}


def messages(words: list[str], tool: bool) -> Written:
    """Anthropic's events: blocks, one after the other."""

    def block(at: int, begun: dict[str, Any], *deltas: dict[str, Any]) -> Written:
        return [
            {"type": "content_block_start", "index": at, "content_block": begun},
            {"type": "ping"},
            *({"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": at},
        ]

    use = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    parts = [{"type": "input_json_delta", "partial_json": part} for part in ("", *CITY)]
    spoken = [{"type": "text_delta", "text": word} for word in words]
    usage = {"input_tokens": 25, "cache_read_input_tokens": 6, "output_tokens": 1}
    return [
        {"type": "message_start", "message": {"id": "msg_1", "usage": usage}},
        *block(0, {"type": "text", "text": ""}, *spoken),
        *(block(1, use, *parts) if tool else []),
        {"type": "message_delta", "delta": {"stop_reason": "end"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]


def completions(
    mischief: Mischief | None = None, dialect: Dialect = openai
) -> AbstractAsyncContextManager[Asked]:
    """Serve OpenAI's interface."""
    return chat("/v1/chat/completions", dialect, mischief)


def anthropic(mischief: Mischief | None = None) -> AbstractAsyncContextManager[Asked]:
    """Serve Anthropic's interface, which refuses what its reference does not allow."""
    return chat("/v1/messages", messages, mischief, check=_strict)


def chat(
    path: str,
    dialect: Dialect,
    mischief: Mischief | None = None,
    *,
    check: Callable[[dict[str, Any]], object] = bool,
) -> AbstractAsyncContextManager[Asked]:
    """Answer every prompt, word by word."""

    async def answer(
        request: web.Request, body: dict[str, Any], trouble: Trouble
    ) -> web.StreamResponse:
        assert body["stream"] is True
        check(body)
        wanted = WEATHER in json.dumps(body["messages"][-1])
        words = [f"{word} " for word in (LOOKING if wanted else SAID).split()]
        words[-1] = words[-1].rstrip()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number, event in enumerate(dialect(words, wanted)):
            data = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
            wrong = await trouble.within(request, number)
            await response.write(b"data: " + (wrong or data.encode()) + b"\n\n")
            await asyncio.sleep(0)
        await response.write_eof()
        return response

    return answering(path, answer, mischief)


def _strict(body: dict[str, Any]) -> None:
    turns = body["messages"]
    assert body["max_tokens"] > 0
    assert "temperature" not in body
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * (len(turns) // 2) + ["user"]
    assert all(tool["input_schema"]["type"] == "object" for tool in body["tools"])
    uses = [block["id"] for block in _blocks(turns) if block["type"] == "tool_use"]
    results = [block["tool_use_id"] for block in _blocks(turns) if block["type"] == "tool_result"]
    assert uses == results


def _blocks(turns: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        block for turn in turns if isinstance(turn["content"], list) for block in turn["content"]
    ]
