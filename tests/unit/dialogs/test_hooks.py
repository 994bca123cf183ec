"""What is asked of a web service, and what may come back."""

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.errors import HookFailed
from dialogs.hooks import LIMIT, authorised, build, read_answer, send
from dialogs.machine import Event, Machine
from dialogs.ports import Request, Response
from dialogs.schema import parse
from dialogs.stage import Stage, WebAnswer
from tests.unit.dialogs.samples import FRONT_DESK

DESK = parse(FRONT_DESK)


def machine(event: Event | None = None) -> Machine:
    made = Machine(DESK, "s1", variables={"caller_name": "Ann"})
    made.start("classify")
    if event:
        made.step(event)
    return made


def test_the_request_is_the_predecessors_with_every_field_filled() -> None:
    request = build(machine(Event("speech", {"text": "a table"})), {"url": "https://x"}, key="k1")
    assert request.url == "https://x"
    assert json.loads(request.body) == {
        "session_id": "s1",
        "state": "classify",
        "event": "a table",
        "variables": {"caller_name": "Ann", "intent": ""},
        "transcript": "a table",
    }
    assert request.headers["Idempotency-Key"] == "k1"
    assert json.loads(build(machine(), {"url": "x"}, key="k").body)["event"] == ""
    digit = build(machine(Event("dtmf", {"digit": "1"})), {"url": "x", "timeout": 3.0}, key="k")
    assert json.loads(digit.body)["digit"] == "1"
    assert digit.timeout == 3.0


def test_a_request_proves_where_it_comes_from() -> None:
    signature = hmac.new(b"key", b"body", hashlib.sha256).hexdigest()
    assert authorised("hmac", "key", b"body") == {"X-Hook-Signature": f"sha256={signature}"}
    assert authorised("bearer", "key", b"body") == {"Authorization": "Bearer key"}
    assert authorised("none", "key", b"body") == {}


def answer(said: Any) -> Response:
    return Response(200, said if isinstance(said, bytes) else json.dumps(said).encode())


def test_an_answer_may_say_what_to_do() -> None:
    read = read_answer(
        answer(
            {
                "variables": {"a": "x", "n": 5},
                "data": {"intent": "y"},
                "actions": [{"type": "play_tts", "params": {"text": "{{ .Variables.secret }}"}}],
                "next_state": "booking",
            }
        ),
        DESK,
    )
    assert read.variables == {"a": "x", "n": "5"}
    assert read.data == {"intent": "y"}
    assert read.next_state == "booking"
    assert machine().render(read.actions[0]) == {"text": "{{ .Variables.secret }}"}


def test_an_empty_answer_is_one() -> None:
    assert read_answer(answer(b""), DESK) == read_answer(answer({}), DESK)


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (Response(404, b"{}"), "status 404"),
        (Response(302, b"{}"), "status 302"),
        (answer(b"{"), "no JSON"),
        (answer(b"[" * 100_000), "no JSON"),
        (answer([1]), "a JSON object"),
        (answer(b'{"a":' * 100 + b"1" + b"}" * 100), "few levels"),
        (answer(b" " * (LIMIT + 1)), "too much"),
        (answer({"variables": [1]}), "variables must be"),
        (answer({"variables": {str(n): "x" for n in range(999)}}), "variables must be"),
        (answer({"variables": {"a": "x" * 20_000}}), "at most 16384 characters"),
        (answer({"data": 5}), "data must be an object"),
        (answer({"actions": 5}), "actions must be a list"),
        (answer({"actions": [{"type": "jump"}]}), "there is no action 'jump'"),
        (answer({"actions": [{"type": "hangup"}] * 51}), "at most 50"),
        (answer({"next_state": "lobby"}), "which there is not"),
        (answer({"next_state": 5}), "which there is not"),
    ],
)
def test_an_answer_that_asks_for_what_cannot_be_is_refused(
    response: Response, problem: str
) -> None:
    with pytest.raises(HookFailed, match=problem):
        read_answer(response, DESK)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["variables", "data", "actions", "next_state", "type", "params"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    )
)
def test_any_answer_is_understood_or_refused(said: Any) -> None:
    try:
        read = read_answer(answer(said), DESK)
    except HookFailed:
        return
    assert read.next_state in {"", *DESK.states}


async def test_it_is_asked_again_after_what_may_pass() -> None:
    stage = Stage()
    stage.web = [WebAnswer(status=503), WebAnswer(status=0), WebAnswer(status=429), WebAnswer()]
    response = await send(stage, Request("https://x"), retries=3, chance=lambda: 1.0)
    assert response.status == 200
    assert len(stage.requests) == 4
    assert asyncio.get_running_loop().time() == 0.5 + 1 + 2


@pytest.mark.parametrize(
    ("web", "retries", "asked", "problem"),
    [
        (WebAnswer(status=500), 0, 1, "status 500"),
        (WebAnswer(status=0), 1, 2, "."),
        (WebAnswer(after=60), 0, 1, "no answer within 10 s"),
    ],
)
async def test_it_is_given_up_in_the_end(
    web: WebAnswer, retries: int, asked: int, problem: str
) -> None:
    stage = Stage()
    stage.web = [web] * 2
    with pytest.raises(HookFailed, match=problem):
        await send(stage, Request("https://x"), retries=retries)
    assert len(stage.requests) == asked


async def test_what_was_refused_is_not_tried_again() -> None:
    class Refusing(Stage):
        async def send(self, request: Request) -> Response:
            self.requests.append(request)
            raise HookFailed("a private address", retryable=False)

    stage = Refusing()
    with pytest.raises(HookFailed, match="private"):
        await send(stage, Request("https://x"), retries=5)
    assert len(stage.requests) == 1
