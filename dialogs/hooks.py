"""
Asking a web service in the middle of a dialog: what is sent, what may come back.

The request is the predecessor's, with the fields it forgot to fill and a key by which a receiver
can tell a second try from a second question. An answer comes from outside, so nothing in it is a
template, its size and depth end, and what it says to do is held against the flow before it is done.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dialogs.errors import FlowError, HookFailed
from dialogs.flow import Action, Flow
from dialogs.machine import Machine
from dialogs.ports import Hooks, Request, Response
from dialogs.schema import parse_actions

__all__ = ["Answer", "authorised", "build", "read_answer", "send"]

LIMIT = 1024 * 1024
"""Bytes of an answer that are read."""
MAX_VARIABLES = 200
MAX_VALUE = 16 * 1024
"""Characters of a variable from outside."""
MAX_ACTIONS = 50
MAX_DEPTH = 32
PAUSE = 0.5
"""Seconds before the second try at most; each further pause may be twice as long."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a hook had to say."""

    variables: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, object] | None = None
    actions: tuple[Action, ...] = ()
    next_state: str = ""


def build(machine: Machine, params: Mapping[str, object], *, key: str) -> Request:
    """Make the request of a `call_hook`."""
    event = machine.event
    data = event.data if event else {}
    said = {"transcript": data.get("text"), "digit": data.get("digit")}
    body = {
        "session_id": machine.id,
        "state": machine.state,
        "event": event.trigger if event else "",
        "variables": machine.variables,
        **{name: value for name, value in said.items() if value},
    }
    raw = json.dumps(body, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    secret = str(params.get("auth_secret", ""))
    headers |= authorised(str(params.get("auth_type", "none")), secret, raw)
    timeout = float(str(params.get("timeout") or 10.0))
    return Request(str(params["url"]), raw, "POST", headers, timeout, LIMIT)


def authorised(kind: str, secret: str, body: bytes) -> Mapping[str, str]:
    """Make the header that proves who asks."""
    match kind:
        case "bearer":
            return {"Authorization": f"Bearer {secret}"}
        case "hmac":
            signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            return {"X-Hook-Signature": f"sha256={signature}"}
    return {}


async def send(
    hooks: Hooks,
    request: Request,
    *,
    retries: int = 0,
    chance: Callable[[], float] = random.random,
) -> Response:
    """Ask, and again after a failure that may pass; raises `HookFailed`."""
    pause = PAUSE
    while True:
        try:
            async with asyncio.timeout(request.timeout):
                response = await hooks.send(request)
        except TimeoutError:
            failure = HookFailed(f"no answer within {request.timeout:g} s")
        except HookFailed as error:
            failure = error
        else:
            if response.status < 500 and response.status != 429:
                return response
            failure = HookFailed(f"answered with status {response.status}")
        if retries <= 0 or not failure.retryable:
            raise failure
        retries -= 1
        await asyncio.sleep(chance() * pause)
        pause *= 2


def read_answer(response: Response, flow: Flow) -> Answer:
    """Understand an answer; raises `HookFailed` when it is none or asks for what cannot be."""
    if not 200 <= response.status < 300:
        raise HookFailed(f"answered with status {response.status}", retryable=False)
    if len(response.body) > LIMIT:
        raise HookFailed("answered with too much", retryable=False)
    if not response.body.strip():
        return Answer()
    try:
        said = json.loads(response.body)
    except (ValueError, RecursionError):
        raise HookFailed("answered with something that is no JSON", retryable=False) from None
    if not isinstance(said, dict) or _depth(said) > MAX_DEPTH:
        raise HookFailed("must answer with a JSON object of few levels", retryable=False)
    return Answer(_variables(said), _data(said), _actions(said, flow), _next_state(said, flow))


def _depth(value: object) -> int:
    deepest, left = 0, [(value, 1)]
    while left:
        one, depth = left.pop()
        deepest = max(deepest, depth)
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        left += [(item, depth + 1) for item in inner]
    return deepest


def _variables(said: Mapping[str, object]) -> Mapping[str, str]:
    given = said.get("variables") or {}
    if not isinstance(given, dict) or len(given) > MAX_VARIABLES:
        raise HookFailed(f"variables must be an object of at most {MAX_VARIABLES}", retryable=False)
    texts = {name: _text(value) for name, value in given.items()}
    if any(len(text) > MAX_VALUE for text in texts.values()):
        raise HookFailed(f"a variable has at most {MAX_VALUE} characters", retryable=False)
    return texts


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _data(said: Mapping[str, object]) -> Mapping[str, object] | None:
    data = said.get("data")
    if data is not None and not isinstance(data, dict):
        raise HookFailed("data must be an object", retryable=False)
    return data


def _actions(said: Mapping[str, object], flow: Flow) -> tuple[Action, ...]:
    given = said.get("actions") or []
    if not isinstance(given, list) or len(given) > MAX_ACTIONS:
        raise HookFailed(f"actions must be a list of at most {MAX_ACTIONS}", retryable=False)
    try:
        return parse_actions(given, flow)
    except FlowError as error:
        raise HookFailed(f"asked for actions that cannot be: {error}", retryable=False) from None


def _next_state(said: Mapping[str, object], flow: Flow) -> str:
    state = said.get("next_state") or ""
    if not isinstance(state, str) or (state and state not in flow.states):
        raise HookFailed(f"asked for state {state!r}, which there is not", retryable=False)
    return state
