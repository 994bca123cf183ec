"""Conversations led by a model that follows a script."""

import asyncio
import json
from typing import Any

import pytest

from dialogs.machine import Machine
from dialogs.ports import Ports, Prompt, Usage
from dialogs.runner import Runner
from dialogs.schema import parse
from dialogs.stage import Reply, Stage, WebAnswer
from tests.unit.dialogs.talking import talking

FLOW = """
initial_state: talk
tools:
  book:
    description: Books a table.
    url: "https://api.example/book?s={{ session.id }}"
    auth_type: bearer
    auth_secret: k
    max_result: 20
    parameters: {type: object, properties: {guests: {type: integer}}, required: [guests]}
  look: {description: Looks., url: "https://api.example/look", method: GET, say: Let me see.}
agents:
  host:
    instructions: "You are a host."
    MORE
    tools: [book, look]
    outcomes: [booked, person]
states:
  talk:
    on_enter: [{type: run_agent, params: {agent: host PARAMS}}]
    transitions:
      - {event: dtmf, condition: "{{ event.digit == '0' }}", target: operator}
      - {event: agent_done, condition: "{{ event.outcome != 'failed' }}", target: done}
  done: {on_enter: [{type: say_caption, params: {text: "{{ event.outcome }} {{ result.x }}"}}]}
  operator: {}
"""


def flow(more: str = "", params: str = "") -> str:
    return FLOW.replace("MORE", more or "max_turns: 30").replace("PARAMS", params)


def stage(*replies: Reply, web: list[WebAnswer] | None = None) -> Stage:
    made = Stage()
    made.replies = list(replies)
    made.web = web or []
    return made


def messages(made: Stage, place: int = -1) -> list[dict[str, Any]]:
    return [dict(message) for message in made.prompts[place].messages[1:]]


async def test_it_greets_and_answers_sentence_by_sentence() -> None:
    made = stage(Reply("Hello there. We open at five."))
    async with talking(flow("greeting: Good evening!"), made) as talk:
        await asyncio.sleep(2)
        await talk.say("when do you open?")
        await asyncio.sleep(1)
        assert made.said == ["Good evening!", "Hello there.", "We open at five."][: len(made.said)]
        await asyncio.sleep(5)
        assert made.said == ["Good evening!", "Hello there.", "We open at five."]
        assert messages(made) == [
            {"role": "assistant", "content": "Good evening!"},
            {"role": "user", "content": "when do you open?"},
        ]
        assert made.prompts[0].messages[0]["content"].startswith("You are a host.")  # type: ignore[attr-defined]
        assert [event["pii_text"] for event in talk.seen("agent.heard")] == ["when do you open?"]


async def test_the_first_sentence_is_said_while_the_model_still_writes() -> None:
    made = stage(Reply("Hello there. And then some more words.", pace=1.0))
    async with talking(flow(), made) as talk:
        await talk.say("hi")
        await asyncio.sleep(3.1)
        assert made.said == ["Hello there."]


async def test_what_nobody_heard_is_not_in_the_history() -> None:
    made = stage(Reply("One two three. Four five six. Seven."), Reply("Fine."))
    async with talking(flow(), made) as talk:
        await talk.say("count")
        await asyncio.sleep(1.7)
        await talk.say("stop")
        await asyncio.sleep(1)
        assert messages(made) == [
            {"role": "user", "content": "count"},
            {
                "role": "assistant",
                "content": "One two three. Four",
            },
            {"role": "user", "content": "stop"},
        ]


async def test_nothing_is_left_of_an_answer_nobody_heard() -> None:
    made = stage(Reply("Too late.", after=3.0), Reply("Here."))
    async with talking(flow(), made) as talk:
        await talk.say("one")
        await asyncio.sleep(1)
        await talk.say("two")
        await asyncio.sleep(2)
        assert made.said == ["Here."]
        assert [message["content"] for message in messages(made)] == ["one", "two"]


async def test_a_voice_stops_the_model_too() -> None:
    made = stage(Reply("First one. " + "More words. " * 50, pace=0.3), Reply("Yes?"))
    async with talking(flow(), made) as talk:
        await talk.say("tell me")
        await asyncio.sleep(1.2)
        talk.runner.voice_detected()
        await asyncio.sleep(1)
        said = len(made.said)
        await asyncio.sleep(3)
        assert len(made.said) == said


async def test_a_tool_is_used_and_its_answer_goes_to_the_model() -> None:
    made = stage(
        Reply("Let me check.", tool="book", arguments={"guests": 2}),
        Reply("Booked."),
        web=[WebAnswer("api.example/book", {"id": 7})],
    )
    async with talking(flow(), made) as talk:
        await talk.say("a table for two")
        await asyncio.sleep(5)
        request = made.requests[0]
        assert request.url.endswith("/book?s=s1")
        assert json.loads(request.body) == {"guests": 2}
        assert request.headers["Authorization"] == "Bearer k"
        assert request.headers["Idempotency-Key"] == "s1-1-1-call1"
        assert [message["role"] for message in messages(made)] == [
            "user",
            "assistant",
            "assistant",
            "tool",
        ]
        assert messages(made)[-1] == {
            "role": "tool",
            "tool_call_id": "call1",
            "content": '{"id": 7}',
        }
        assert made.said == ["Let me check.", "Booked."]
        assert talk.seen("agent.tool") == [{"tool": "book", "ok": True}]


@pytest.mark.parametrize(
    ("reply", "web", "content"),
    [
        (
            Reply(tool="book", arguments={"guests": "two"}),
            [],
            "error: arguments.guests must be of type integer",
        ),
        (Reply(tool="hammer"), [], "error: there is no tool 'hammer' here"),
        (
            Reply(tool="book", arguments={"guests": 1}),
            [WebAnswer(status=404, body="gone")],
            'error: status 404: "[cut]',
        ),
        (Reply(tool="book", arguments={"guests": 1}), [], "error: nothing in th[cut]"),
        (Reply(tool="look"), [WebAnswer(body="x" * 30)], '"' + "x" * 30 + '"'),
        (
            Reply(tool="finish", arguments={"outcome": "up"}),
            [],
            "error: outcome must be one of booked, person",
        ),
    ],
)
async def test_what_goes_wrong_with_a_tool_is_told_to_the_model(
    reply: Reply, web: list[WebAnswer], content: str
) -> None:
    made = stage(reply, Reply("I see."), web=web)
    async with talking(flow(), made) as talk:
        await talk.say("do it")
        await asyncio.sleep(5)
        assert messages(made)[-1]["content"].replace(" [cut]", "[cut]") == content.replace(
            " [cut]", "[cut]"
        )
        assert made.said[-1] == "I see."


async def test_a_tool_says_that_it_takes_its_time() -> None:
    made = stage(
        Reply(tool="look", arguments={"q": "a b"}), Reply("Done."), web=[WebAnswer(after=3.0)]
    )
    async with talking(flow(), made) as talk:
        await talk.say("look")
        await asyncio.sleep(1)
        assert made.said == ["Let me see."]
        assert made.requests[0].url == "https://api.example/look?q=a+b"


async def test_a_tool_that_began_is_waited_for() -> None:
    made = stage(
        Reply(tool="book", arguments={"guests": 2}), Reply("All right."), web=[WebAnswer(after=5.0)]
    )
    async with talking(flow(), made) as talk:
        await talk.say("book")
        await asyncio.sleep(1)
        await talk.say("hello?")
        await asyncio.sleep(6)
        assert [message["role"] for message in messages(made)] == [
            "user",
            "assistant",
            "tool",
            "user",
        ]
        assert made.said == ["All right."]


async def test_a_state_may_allow_fewer_tools() -> None:
    made = stage(Reply("Hm."))
    async with talking(flow(params=", tools: [look]"), made) as talk:
        await talk.say("hi")
        names = [tool["function"]["name"] for tool in made.prompts[0].tools]  # type: ignore[index]
        assert names == ["look", "finish"]


async def test_it_finishes_with_an_outcome_and_what_it_found_out() -> None:
    made = stage(Reply("Bye.", tool="finish", arguments={"outcome": "booked", "data": {"x": 5}}))
    async with talking(flow(), made) as talk:
        await talk.say("that is all")
        await asyncio.sleep(2)
        assert talk.machine.state == "done"
        assert made.captions == ["booked 5"]
        assert talk.machine.memory == {}


async def test_silence_is_asked_about_and_then_it_is_over() -> None:
    made = stage()
    async with talking(flow("silence: 5s"), made) as talk:
        await asyncio.sleep(5.1)
        assert made.said == ["Are you still there?"]
        await asyncio.sleep(8)
        assert made.captions == ["silence "]
        assert talk.machine.state == "done"


async def test_somebody_who_begins_to_speak_is_not_silent() -> None:
    made = stage(Reply("Yes."))
    async with talking(flow("silence: 5s"), made) as talk:
        await asyncio.sleep(4)
        talk.runner.voice_detected()
        await asyncio.sleep(4)
        await talk.say("well")
        await asyncio.sleep(1)
        assert made.said == ["Yes."]


async def test_failures_are_spoken_of_and_end_in_a_transfer() -> None:
    made = stage(Reply(fails=True), Reply("late", after=20.0), Reply(fails=True))
    async with talking(flow('transfer_to: "+491"'), made) as talk:
        await talk.say("hi")
        assert await talk.running == "transferred"
        assert made.said == [
            "One moment, please.",
            "I am sorry, I did not get that.",
            "I am sorry, I cannot help you right now. Goodbye.",
        ]
        assert made.transferred == ["+491"]


async def test_without_anybody_to_transfer_to_it_hangs_up() -> None:
    async with talking(flow("failures: 1"), stage()) as talk:
        await talk.say("hi")
        assert await talk.running == "hangup"


async def test_a_failure_that_passes_is_forgotten() -> None:
    made = stage(Reply(fails=True), Reply("Here I am."), Reply(fails=True), Reply("Again."))
    async with talking(flow("failures: 2"), made) as talk:
        await talk.say("hi")
        await asyncio.sleep(4)
        await talk.say("and?")
        await asyncio.sleep(4)
        assert made.said[-1] == "Again."


@pytest.mark.parametrize("guard", ["max_turns: 1", "max_cost: 0.001"])
async def test_turns_and_cost_have_an_end(guard: str) -> None:
    class Dear(Stage):
        async def chat(self, prompt: Prompt) -> Any:
            async for piece in super().chat(prompt):
                yield piece
            yield Usage(10, 10, 0.01)

    made = Dear()
    made.replies = [Reply("One."), Reply("Two.")]
    async with talking(flow(guard), made) as talk:
        await talk.say("first")
        await asyncio.sleep(1)
        await talk.say("second")
        await asyncio.sleep(1)
        assert made.said == ["One."]
        assert made.captions == [f"{guard.partition(':')[0]} "]
        assert talk.machine.state == "done"


async def test_an_answer_that_goes_on_and_on_is_cut() -> None:
    made = stage(Reply("One two three. " * 20))
    async with talking(flow("max_words: 6"), made) as talk:
        await talk.say("go on")
        await asyncio.sleep(4)
        assert made.said == ["One two three.", "One two three."]


@pytest.mark.parametrize(
    ("web", "said"),
    [
        (WebAnswer(body={"allowed": True}), "Sure."),
        (WebAnswer(body={"allowed": False, "say": "Not that."}), "Not that."),
        (WebAnswer(body={"allowed": False}), "I am sorry, I cannot talk about that."),
        (WebAnswer(status=0), "I am sorry, I cannot talk about that."),
        (WebAnswer(body=[1]), "I am sorry, I cannot talk about that."),
    ],
)
async def test_topics_can_be_forbidden(web: WebAnswer, said: str) -> None:
    made = stage(Reply("Sure."), web=[web])
    async with talking(flow("topics_url: https://guard.example"), made) as talk:
        await talk.say("politics")
        await asyncio.sleep(3)
        assert made.said == [said]
        assert json.loads(made.requests[0].body)["text"] == "politics"


async def test_the_model_does_not_see_what_identifies_somebody() -> None:
    made = stage(
        Reply("I call [phone 1].", tool="book", arguments={"guests": 2, "phone": "[phone 1]"}),
        Reply("Done."),
        web=[WebAnswer(body={"to": "030 1234567"})],
    )
    async with talking(flow(), made) as talk:
        await talk.say("call 030 1234567")
        await asyncio.sleep(5)
        assert "1234567" not in json.dumps([dict(m) for p in made.prompts for m in p.messages])
        assert json.loads(made.requests[0].body)["phone"] == "030 1234567"
        assert made.said[0] == "I call 030 1234567."


async def test_it_sees_everything_where_that_is_wanted() -> None:
    made = stage(Reply("Yes."))
    async with talking(flow("redact: false"), made) as talk:
        await talk.say("call 030 1234567")
        assert messages(made)[0]["content"] == "call 030 1234567"


async def test_the_history_it_sees_is_bounded() -> None:
    made = stage(*[Reply("Yes.") for _ in range(6)])
    async with talking(flow("history: 3"), made) as talk:
        for number in range(6):
            await talk.say(f"number {number}")
            await asyncio.sleep(1)
        assert [m["content"] for m in messages(made)] == ["number 4", "Yes.", "number 5"]


async def test_a_transition_comes_before_the_agent() -> None:
    made = stage(Reply("Key five."))
    async with talking(flow(), made) as talk:
        await talk.press("5")
        await asyncio.sleep(1)
        assert made.said == ["Key five."]
        await talk.press("0")
        assert talk.machine.state == "operator"
        await talk.say("anybody?")
        assert len(made.prompts) == 1


async def test_a_restart_goes_on_with_the_conversation() -> None:
    made = stage(Reply("Hello Ann."), Reply("Still here."))
    text = flow("greeting: Good evening!")
    async with talking(text, made) as talk:
        await asyncio.sleep(2)
        await talk.say("I am Ann, 030 1234567")
        await asyncio.sleep(2)
        kept = dict(made.kept["s1"])
        talk.running.cancel()
        await asyncio.wait([talk.running])
    machine = Machine.restore(parse(text), "s1", kept)
    async with talking(text, made, machine=machine) as talk:
        await talk.say("are you there?")
        await asyncio.sleep(2)
        assert made.said == ["Good evening!", "Hello Ann.", "Still here."]
        assert [m["content"] for m in messages(made)] == [
            "Good evening!", "I am Ann, [phone 1]", "Hello Ann.", "are you there?",
        ]  # fmt: skip


async def test_without_a_model_it_is_a_failed_action() -> None:
    made = Stage()
    ports = Ports(made, made, made, observe=made.observe)
    runner = Runner(Machine(parse(flow()), "s1"), ports)
    running = asyncio.create_task(runner.run())
    await asyncio.sleep(0.1)
    assert (
        "error",
        {"code": "action_failed", "message": "run_agent: there is no language model"},
    ) in made.events
    runner.close()
    await running


async def test_a_model_that_only_uses_tools_is_stopped() -> None:
    made = stage(*[Reply(tool="hammer") for _ in range(20)])
    async with talking(flow(), made) as talk:
        await talk.say("loop")
        await asyncio.sleep(1)
        assert len(made.prompts) == 6
