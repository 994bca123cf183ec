"""
What an agent can do besides talking: HTTP requests that the flow's author declared.

The model chooses a tool and its arguments; where it goes, who signs it and how much of the answer
comes back was settled in the flow file. Whatever goes wrong is an answer to the model, not an end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from dialogs.arguments import mistakes
from dialogs.errors import HookFailed, TemplateError
from dialogs.flow import Tool
from dialogs.hooks import authorised, send
from dialogs.machine import Machine
from dialogs.ports import Ports, Request, ToolCall

__all__ = ["Tools"]


class Tools:
    """The tools one agent may use in one state."""

    def __init__(self, machine: Machine, ports: Ports, names: Sequence[str]) -> None:
        self._machine = machine
        self._ports = ports
        self._tools = {name: machine.flow.tools[name] for name in names}

    def get(self, name: str) -> Tool | None:
        """Give a tool that may be used."""
        return self._tools.get(name)

    @property
    def described(self) -> list[Mapping[str, object]]:
        """Describe them as OpenAI's chat API wants it."""
        return [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters or {"type": "object", "properties": {}},
                },
            }
            for tool in self._tools.values()
        ]

    async def use(self, call: ToolCall, arguments: str, *, key: str) -> str:
        """Do it; gives what the model gets to read, also when it went wrong."""
        if not (tool := self._tools.get(call.name)):
            return f"error: there is no tool {call.name!r} here"
        try:
            given = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            return "error: the arguments are no JSON"
        if wrong := list(mistakes(given, {"type": "object", **tool.parameters})):
            return f"error: {'; '.join(wrong[:5])}"
        try:
            said = await self._send(tool, given, key)
        except (HookFailed, TemplateError) as error:
            said = f"error: {error}"
        self._ports.observe("agent.tool", {"tool": tool.name, "ok": not said.startswith("error")})
        return said if len(said) <= tool.max_result else f"{said[: tool.max_result]} [cut]"

    async def _send(self, tool: Tool, given: Mapping[str, object], key: str) -> str:
        context = self._machine.context()
        url, secret = tool.url.render(context), tool.auth.secret.render(context)
        body = b""
        if tool.method in ("GET", "DELETE"):
            between = "&" if "?" in url else "?"
            url = f"{url}{between}{urlencode(given)}" if given else url
        else:
            body = json.dumps(given, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            **authorised(tool.auth.type, secret, body),
        }
        request = Request(url, body, tool.method, headers, tool.timeout, 4 * tool.max_result + 4)
        response = await send(self._ports.hooks, request, retries=1)
        text = response.body.decode(errors="replace")
        return text if 200 <= response.status < 300 else f"error: status {response.status}: {text}"
