"""
OpenAI's chat completions, and everybody who offers the same: Ollama, vLLM, llama.cpp, LiteLLM,
Groq, Mistral, Gemini, OpenRouter.

They differ in small things, all of which are understood: tool calls without an index or an id,
usage with every event or with none, thoughts among the words, a stream without a last word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, Field, SecretStr

from dialogs.ports import Piece, Prompt, Text, ToolCall, Usage
from transcriber.engines.llm.base import Answer, LlmInfo, going_on
from transcriber.engines.llm.online import Online, answering
from transcriber.engines.llm.thoughts import Thoughts
from transcriber.engines.openai import Account, problem, refused
from transcriber.engines.stt.wire import Http, reading
from transcriber.engines.tts.online import Post
from transcriber.errors import EngineError
from transcriber.ids import new_id

__all__ = ["ChatStream", "Compatible", "CompatibleOptions", "OpenAi", "OpenAiModelOptions"]

DONE = "[DONE]"
STEADY = re.compile(r"(gpt-5|o\d)(?!\d)")
"""How the names of models begin that take no temperature."""


class OpenAiModelOptions(Account):
    """How OpenAI, or a service that stands in for it, answers."""

    model: str = Field(
        "gpt-4.1-mini",
        pattern=r"^\S+$",
        alias="OPENAI_LLM_MODEL",
        description="model that answers in dialogs: gpt-4.1-mini, gpt-4.1, ...",
    )


class CompatibleOptions(BaseModel):
    """Where another service with OpenAI's interface is, beside OpenAI."""

    url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        alias="LLM_URL",
        description="OpenAI-compatible language model for dialogs, up to /v1, such as Ollama's "
        "http://127.0.0.1:11434/v1",
    )
    key: SecretStr = Field(
        SecretStr(""), alias="LLM_KEY", description="key of the model at LLM_URL, if it wants one"
    )
    model: str = Field(
        "", pattern=r"^\S*$", alias="LLM_MODEL", description="name of the model at LLM_URL"
    )


class Chat(Online):
    """A request for each answer."""

    def __init__(self, account: Account, model: str) -> None:
        self.http = Http()
        self._account = account
        self._model = model

    def chat(self, prompt: Prompt) -> AbstractAsyncContextManager[Answer]:
        """Answer."""
        account = self._account
        post = Post(account.at("chat/completions"), self._body(prompt), account.headers)
        return answering(self.http, post, ChatStream(), refused)

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": prompt.model or self._model,
            "messages": going_on(prompt.messages),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if not STEADY.match(body["model"]):
            body["temperature"] = prompt.temperature
        return body | ({"tools": list(prompt.tools)} if prompt.tools else {})


class OpenAi(Chat):
    """OpenAI, with the account that its recognisers and voices use."""

    Options = OpenAiModelOptions
    info = LlmInfo(
        "openai",
        "OpenAI",
        models=("gpt-4.1-mini", "gpt-4.1", "gpt-4o-mini"),
        licence="commercial service",
    )

    def __init__(self, options: OpenAiModelOptions) -> None:
        super().__init__(options, options.model)
        self.info = replace(self.info, models=_first(options.model, self.info.models))

    def unusable(self) -> str:
        """Say what is missing."""
        return self._account.lacking


class Compatible(Chat):
    """Any other service with this interface."""

    Options = CompatibleOptions
    info = LlmInfo(
        "compatible",
        "OpenAI-compatible services (Ollama, vLLM, Groq, Mistral, Gemini)",
        models=(),
    )

    def __init__(self, options: CompatibleOptions) -> None:
        there = {"OPENAI_BASE_URL": options.url or "http://unset", "OPENAI_API_KEY": options.key}
        super().__init__(Account.model_validate(there), options.model)
        self._lacking = [
            name
            for name, value in (("LLM_URL", options.url), ("LLM_MODEL", options.model))
            if not value
        ]
        self.info = replace(self.info, models=(options.model,) if options.model else ())

    def unusable(self) -> str:
        """Say what is missing."""
        return f"not configured: set {' and '.join(self._lacking)}" if self._lacking else ""


@dataclass(slots=True)
class Call:
    """A tool call that is being written."""

    id: str
    index: int | None
    name: str = ""
    arguments: str = ""


class ChatStream:
    """One answer, event by event."""

    def __init__(self, name_call: Callable[[], str] = lambda: new_id("call")) -> None:
        self.over = self.complete = False
        self.usage = Usage()
        self._thoughts = Thoughts()
        self._calls: list[Call] = []
        self._name_call = name_call

    def heard(self, data: str) -> list[Piece]:
        """Understand an event."""
        if data == DONE:
            self.over = True
            return self._finish()
        with reading():
            event = json.loads(data)
            if error := event.get("error"):
                raise problem(error if isinstance(error, dict) else {"message": error}, "engine")
            if used := event.get("usage"):
                self._use(used)
            choices = event.get("choices")
            return self._choice(choices[0]) if choices else []

    def _choice(self, choice: dict[str, Any]) -> list[Piece]:
        delta = choice.get("delta") or {}
        for part in delta.get("tool_calls") or ():
            self._call(part)
        text = self._thoughts.push(str(delta.get("content") or delta.get("refusal") or ""))
        pieces: list[Piece] = [Text(text)] if text else []
        return pieces + (self._finish() if choice.get("finish_reason") else [])

    def _call(self, part: dict[str, Any]) -> None:
        index, id_ = part.get("index"), part.get("id")
        begun = [call for call in self._calls if index in (None, call.index)]
        call = begun[-1] if begun and id_ in (None, "", begun[-1].id) else None
        function = part.get("function") or {}
        if call is None:
            call = Call(str(id_ or self._name_call()), index)
            self._calls.append(call)
        call.name = call.name or str(function.get("name") or "")
        arguments = function.get("arguments") or ""
        call.arguments += arguments if isinstance(arguments, str) else json.dumps(arguments)

    def _finish(self) -> list[Piece]:
        """Give what has waited for the end; more than once is no harm."""
        self.complete = True
        rest = self._thoughts.flush()
        calls, self._calls = self._calls, []
        if any(not call.name for call in calls):
            raise EngineError("engine", "the model calls a tool without a name")
        wanted = [ToolCall(call.id, call.name, call.arguments or "{}") for call in calls]
        return [*([Text(rest)] if rest else []), *wanted]

    def _use(self, used: dict[str, Any]) -> None:
        asked, written = used.get("prompt_tokens") or 0, used.get("completion_tokens") or 0
        self.usage = Usage(int(asked), int(written), float(used.get("cost") or 0.0))


def _first(model: str, known: tuple[str, ...]) -> tuple[str, ...]:
    return (model, *(name for name in known if name != model))
