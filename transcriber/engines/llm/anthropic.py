"""
Anthropic's Claude, by its own Messages API.

It takes turns strictly: the first is the user's, and every tool that was called is answered in the
turn after. Its newest models take no temperature, so none is sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, Field, SecretStr

from dialogs.ports import Piece, Prompt, Text, ToolCall, Usage
from transcriber.engines.llm.base import Answer, LlmInfo, going_on
from transcriber.engines.llm.online import Online, answering
from transcriber.engines.stt.wire import Http, reading, refusal
from transcriber.engines.tts.online import Post
from transcriber.errors import EngineError, EngineProblem

__all__ = ["Anthropic", "AnthropicOptions", "MessageStream", "turns"]

HOST = "https://api.anthropic.com"
VERSION = "2023-06-01"
LONGEST = 1024
"""Tokens of one answer; an agent stops listening long before."""
BEGIN: dict[str, Any] = {"role": "user", "content": "(The call begins.)"}
"""The user's first turn, where we spoke first."""
PROBLEMS: dict[str, EngineProblem] = {
    "authentication_error": "auth",
    "billing_error": "quota",
    "invalid_request_error": "bad_request",
    "not_found_error": "bad_request",
    "overloaded_error": "busy",
    "permission_error": "auth",
    "rate_limit_error": "busy",
    "request_too_large": "bad_request",
    "timeout_error": "timeout",
}
"""What their errors mean."""


class AnthropicOptions(BaseModel):
    """Settings of Anthropic."""

    key: SecretStr = Field(SecretStr(""), alias="ANTHROPIC_API_KEY", description="key of Anthropic")
    url: str = Field(
        HOST,
        pattern=r"^https?://\S+$",
        alias="ANTHROPIC_BASE_URL",
        description="where Anthropic's interface is",
    )
    model: str = Field(
        "claude-haiku-4-5",
        pattern=r"^\S+$",
        alias="ANTHROPIC_MODEL",
        description="model of Anthropic that answers in dialogs",
    )


class Anthropic(Online):
    """A request for each answer."""

    Options = AnthropicOptions
    info = LlmInfo(
        "anthropic", "Anthropic (Claude)", ("claude-haiku-4-5",), licence="commercial service"
    )

    def __init__(self, options: AnthropicOptions) -> None:
        self.http = Http()
        self._options = options
        self.info = replace(self.info, models=(options.model,))

    def unusable(self) -> str:
        """Say what is missing."""
        return "" if self._options.key.get_secret_value() else "no key: set ANTHROPIC_API_KEY"

    def chat(self, prompt: Prompt) -> AbstractAsyncContextManager[Answer]:
        """Answer."""
        ours = self._options
        url = f"{ours.url.rstrip('/').removesuffix('/v1')}/v1/messages"
        headers = {"x-api-key": ours.key.get_secret_value(), "anthropic-version": VERSION}
        post = Post(url, self._body(prompt), headers)
        return answering(self.http, post, MessageStream(), _refused)

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        told = [str(one["content"]) for one in prompt.messages if one["role"] == "system"]
        said = [one for one in prompt.messages if one["role"] != "system"]
        body = {
            "model": prompt.model or self._options.model,
            "max_tokens": LONGEST,
            "system": "\n\n".join(told),
            "messages": turns(going_on(said)),
            "stream": True,
        }
        return body | ({"tools": [_tool(one) for one in prompt.tools]} if prompt.tools else {})


def turns(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write messages as turns of a user and an assistant, each with all that belongs to it."""
    found: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if message["role"] == "assistant" else "user"
        blocks = _blocks(message)
        if found and found[-1]["role"] == role:
            found[-1]["content"] += blocks
        elif blocks:
            found.append({"role": role, "content": blocks})
    opening = [] if found and found[0]["role"] == "user" else [BEGIN]
    return opening + found


def _blocks(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    text = str(message.get("content") or "")
    if message["role"] == "tool":
        id_ = message["tool_call_id"]
        return [{"type": "tool_result", "tool_use_id": id_, "content": text}]
    return [
        *([{"type": "text", "text": text}] if text.strip() else []),
        *(_use(call) for call in message.get("tool_calls") or ()),
    ]


def _use(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call of the model's; what it wrote wrong is told back as it was."""
    function = call["function"]
    try:
        given = json.loads(function["arguments"])
    except ValueError:
        given = {"unreadable": function["arguments"]}
    given = given if isinstance(given, dict) else {"unreadable": given}
    return {"type": "tool_use", "id": call["id"], "name": function["name"], "input": given}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = tool["function"]
    return {
        "name": function["name"],
        "description": function.get("description", ""),
        "input_schema": function.get("parameters") or {"type": "object"},
    }


@dataclass(slots=True)
class Use:
    """A tool call that is being written."""

    id: str
    name: str
    arguments: str = ""


class MessageStream:
    """One answer, event by event."""

    def __init__(self) -> None:
        self.over = self.complete = False
        self.usage = Usage()
        self._uses: dict[int, Use] = {}

    def heard(self, data: str) -> list[Piece]:
        """Understand an event; kinds that are new to us are left out, as they ask for."""
        with reading():
            match json.loads(data):
                case {"type": "message_start", "message": {"usage": dict(used)}}:
                    self.usage = replace(self.usage, prompt_tokens=_asked(used))
                case {"type": "content_block_start", "index": int(at), "content_block": block}:
                    if block["type"] == "tool_use":
                        self._uses[at] = Use(str(block["id"]), str(block["name"]))
                case {"type": "content_block_delta", "index": int(at), "delta": delta}:
                    return self._delta(at, delta)
                case {"type": "content_block_stop", "index": int(at)} if at in self._uses:
                    use = self._uses.pop(at)
                    return [ToolCall(use.id, use.name, use.arguments or "{}")]
                case {"type": "message_delta", "usage": {"output_tokens": int(written)}}:
                    self.usage = replace(self.usage, completion_tokens=written)
                case {"type": "message_stop"}:
                    self.over = self.complete = True
                case {"type": "error", "error": dict(error)}:
                    raise _problem(error, "engine")
        return []

    def _delta(self, at: int, delta: dict[str, Any]) -> list[Piece]:
        match delta:
            case {"type": "text_delta", "text": str(text)} if text:
                return [Text(text)]
            case {"type": "input_json_delta", "partial_json": str(part)}:
                self._uses[at].arguments += part
        return []


def _asked(used: Mapping[str, Any]) -> int:
    """All tokens of the prompt, remembered or not."""
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(int(used.get(name) or 0) for name in names)


def _refused(status: int, headers: Mapping[str, str], body: bytes) -> EngineError:
    """Only the body tells a full service (529) and an empty account (400) from other failures."""
    by_status = refusal(status, headers, "")
    try:
        error = json.loads(body)["error"]
        told = _problem(error, by_status.kind)
    except (ValueError, LookupError, TypeError, AttributeError):
        return by_status
    return told if told.kind in ("busy", "quota") and told.kind != by_status.kind else by_status


def _problem(error: Mapping[str, Any], otherwise: EngineProblem) -> EngineError:
    kind, message = PROBLEMS.get(str(error.get("type")), otherwise), str(error.get("message"))
    return EngineError("quota" if "credit balance" in message else kind, message)
