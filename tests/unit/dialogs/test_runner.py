"""One conversation, on a clock that jumps."""

import asyncio

import pytest

from dialogs.errors import Busy, Ended, PortFailed
from dialogs.machine import Event
from dialogs.performer import Performer
from dialogs.ports import Listening, Sound
from dialogs.runner import Limits
from dialogs.stage import Stage, WebAnswer
from dialogs.vocabulary import ACTIONS
from tests.unit.dialogs.samples import FRONT_DESK, HOOK
from tests.unit.dialogs.talking import states, talking

GREETING = "Good day . Bookings, or opening hours?"
TALK = "{type: play_tts, params: {text: one two three four five six}}"


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_the_predecessors_example_runs_through_by_key() -> None:
    async with talking(FRONT_DESK) as talk:
        await talk.press("1")
        assert await talk.running == "finished" or talk.stage.hung_up == [""]
        assert talk.stage.said == [GREETING, "One moment."]
        assert talk.machine.variables["department"] == "bookings"
        assert talk.stage.hung_up == [""]


@pytest.mark.parametrize(
    ("web", "ends"),
    [
        (WebAnswer(body={"data": {"intent": "booking"}}), ["classify", "booking", "bye"]),
        (WebAnswer(body={"data": {"intent": "other"}}), ["classify", "bye"]),
        (WebAnswer(status=500), ["classify", "bye"]),
        (WebAnswer(body={"next_state": "booking"}), ["classify", "booking", "bye"]),
    ],
)
async def test_the_predecessors_example_runs_through_by_word(
    web: WebAnswer, ends: list[str]
) -> None:
    stage = Stage()
    stage.web = [web]
    async with talking(FRONT_DESK, stage) as talk:
        await talk.say("I want to book")
        assert await talk.running == "hangup"
        assert [moved["to_state"] for moved in talk.seen("state.transition")] == ["ask", *ends]
        assert "X-Hook-Signature" in stage.requests[0].headers


async def test_the_predecessors_example_hangs_up_when_nobody_answers() -> None:
    async with talking(FRONT_DESK) as talk:
        assert await talk.running == "hangup"
        assert now() == pytest.approx(12.0, abs=0.1)


async def test_a_voice_stops_what_is_said_at_once() -> None:
    async with talking(FRONT_DESK) as talk:
        await asyncio.sleep(1.0)
        talk.runner.voice_detected()
        assert talk.seen("tts.interrupted")[0]["spoken"] == "Good day"
        await asyncio.sleep(10)
        assert talk.seen("tts.completed") == []


async def test_a_key_stops_what_is_said_too() -> None:
    async with talking(FRONT_DESK) as talk:
        await talk.press("5")
        assert len(talk.seen("tts.interrupted")) == 1


async def test_what_must_not_be_interrupted_is_said_to_the_end() -> None:
    flow = states(
        "  a: {on_enter: [{type: play_tts, params: {text: one two, barge_in: false}},"
        f" {TALK}], transitions: [{{event: tts_complete, target: b}}]}}\n  b: {{terminal: true}}\n"
    )
    async with talking(flow) as talk:
        await talk.say("stop")
        assert talk.seen("tts.interrupted") == []
        await asyncio.sleep(1.0)
        await talk.say("stop")
        assert talk.seen("tts.interrupted")[0]["text"] == "one two three four five six"


async def test_barge_in_can_be_switched_off_for_a_while() -> None:
    flow = states(f"  a: {{on_enter: [{{type: listen, params: {{barge_in: false}}}}, {TALK}]}}\n")
    async with talking(flow) as talk:
        await talk.say("stop")
        assert talk.seen("tts.interrupted") == []
        assert talk.stage.listening == []


async def test_interruption_is_an_event_of_the_flow() -> None:
    flow = states(
        f"  a: {{on_enter: [{TALK}], transitions: [{{event: tts_interrupted, target: b}}]}}\n"
        "  b: {on_enter: [{type: say_caption, params: {text: '{{ event.spoken }}'}}]}\n"
    )
    async with talking(flow) as talk:
        await asyncio.sleep(1.0)
        talk.runner.voice_detected()
        await asyncio.sleep(0.01)
        assert talk.stage.captions == ["one two"]


async def test_hanging_up_waits_until_everything_was_said() -> None:
    flow = states(f"  a: {{on_enter: [{TALK}, {TALK}, {{type: hangup}}], terminal: true}}\n")
    async with talking(flow) as talk:
        assert await talk.running == "hangup"
        assert now() == pytest.approx(4.8)


async def test_actions_run_in_order_and_may_wait_for_speech() -> None:
    flow = states(
        "  a: {on_enter: [{type: play_tts, params: {text: one two, wait: true}},"
        " {type: say_caption, params: {text: after}}]}\n"
    )
    async with talking(flow) as talk:
        assert talk.stage.captions == []
        await asyncio.sleep(0.9)
        assert talk.stage.captions == ["after"]


async def test_the_voice_is_told_what_will_be_said_next() -> None:
    say = "{type: play_tts, params: {text: %s}}"
    line = ", ".join(say % text for text in ("one two", "three four", "five six"))
    async with talking(states(f"  a: {{on_enter: [{line}]}}")) as talk:
        assert talk.stage.expected == ["three four"]
        await asyncio.sleep(1)
        assert talk.stage.said == ["one two", "three four"]
        assert talk.stage.expected == ["three four", "five six"]


async def test_a_terminal_state_ends_after_its_actions() -> None:
    flow = states(f"  a: {{on_enter: [{TALK}], terminal: true}}\n")
    async with talking(flow) as talk:
        with pytest.raises(Ended):
            talk.runner.post(Event("speech", {"text": "x"}))
        assert await talk.running == "finished"
        assert now() == pytest.approx(2.4)
        assert talk.stage.hung_up == []


async def test_a_states_clock_is_not_wound_up_by_what_does_not_matter() -> None:
    flow = states("  a: {timeout: 10s, timeout_next: b}\n  b: {terminal: true}\n")
    async with talking(flow) as talk:
        for _ in range(4):
            await asyncio.sleep(2)
            await talk.say("hm")
        await talk.running
        assert now() == pytest.approx(10.0)
        assert talk.machine.history[-1]["trigger"] == "timeout"
        assert talk.seen("dialog.happened") == [{"event": "timeout", "params": {}}]


async def test_silence_happens_when_somebody_waits_for_it() -> None:
    flow = states(
        f"  a: {{on_enter: [{TALK}], transitions: [{{event: silence, target: b}}]}}\n"
        "  b: {terminal: true}\n"
    )
    async with talking(flow) as talk:
        await asyncio.sleep(4)
        talk.runner.voice_detected()
        await talk.running
        assert now() == pytest.approx(9.01)
        assert talk.seen("dialog.happened") == [{"event": "silence", "params": {}}]


async def test_the_length_of_silence_can_be_set() -> None:
    flow = states(
        "  a: {on_enter: [{type: listen, params: {silence: 2s}}],"
        " transitions: [{event: dtmf, target: b}]}\n"
        "  b: {transitions: [{event: silence, target: c}]}\n  c: {terminal: true}\n"
    )
    async with talking(flow) as talk:
        await talk.press("1")
        await talk.running
        assert now() == pytest.approx(2.01)


async def test_how_to_listen_is_passed_on() -> None:
    flow = "language: de\n" + states(
        "  a: {on_enter: [{type: listen, params: {hints: [Anna], end_of_turn: meaning,"
        " partials: true}}],"
        " transitions: [{event: speech_partial, target: b}]}\n  b: {terminal: true}\n"
    )
    async with talking(flow) as talk:
        assert talk.stage.listening == [
            Listening(language="de", hints=("Anna",), end_of_turn="meaning", partials=True)
        ]
        talk.runner.post(Event("speech_partial", {"text": "he"}))
        assert await talk.running == "finished"


async def test_a_turn_ends_when_the_recogniser_understands_that_it_does() -> None:
    flow = states(
        "  a: {on_enter: [{type: listen, params: {end_of_turn: meaning}}],"
        " transitions: [{event: speech, target: b}]}\n"
        "  b: {on_enter: [{type: say_caption, params: {text: '{{ event.text }}'}}]}\n"
    )
    async with talking(flow) as talk:
        for words in ("I would like", "a table."):
            talk.runner.post(Event("speech", {"text": words, "person_id": "p1"}))
            await asyncio.sleep(1.5)
            talk.runner.voice_detected()
        assert talk.machine.state == "a"
        talk.runner.turn_ended("p1")
        await asyncio.sleep(0.01)
        assert talk.stage.captions == ["I would like a table."]


async def test_partials_nobody_asked_for_are_nothing() -> None:
    flow = states(
        "  a: {transitions: [{event: speech_partial, target: b}]}\n  b: {terminal: true}\n"
    )
    async with talking(flow) as talk:
        talk.runner.post(Event("speech_partial", {"text": "he"}))
        await asyncio.sleep(1)
        assert talk.machine.state == "a"


@pytest.mark.parametrize(
    ("keys", "digits", "complete", "at"),
    [
        ("1234", "1234", True, 0.01),
        ("12#", "12", True, 0.01),
        ("1", "1", False, 3.01),
        ("", "", False, 3),
    ],
)
async def test_keys_are_collected(keys: str, digits: str, complete: bool, at: float) -> None:
    flow = states(
        "  a: {on_enter: [{type: collect, params: {digits: 4, at_least: 2, timeout: 3s}}],"
        " transitions: [{event: dtmf, target: c}, {event: digits, target: b}]}\n"
        "  b: {on_enter: [{type: say_caption,"
        " params: {text: '{{ event.digits }} {{ event.complete }}'}}], terminal: true}\n"
        "  c: {terminal: true}\n"
    )
    async with talking(flow) as talk:
        await talk.press(keys)
        await talk.running
        assert talk.stage.captions == [f"{digits} {'true' if complete else 'false'}"]
        told = {"event": "digits", "params": {"digits": digits, "complete": complete}}
        assert talk.seen("dialog.happened") == [told]
        assert now() == pytest.approx(at, abs=0.02)


async def test_an_action_that_fails_is_an_event_and_the_next_one_is_done() -> None:
    class Broken(Stage):
        async def caption(self, text: str) -> None:
            raise PortFailed("no captions here")

    flow = states(
        "  a: {on_enter: [{type: say_caption, params: {text: x}}, {type: emit_event, params:"
        " {name: y}}],"
        " transitions: [{event: action_error, condition: \"{{ event.action == 'say_caption'"
        ' }}", target: b}]}\n'
        "  b: {terminal: true}\n"
    )
    async with talking(flow, Broken()) as talk:
        assert await talk.running == "finished"
        assert talk.seen("custom.y") == [{}]
        assert talk.seen("error")[0]["code"] == "action_failed"


async def test_an_action_that_takes_for_ever_fails() -> None:
    class Stuck(Stage):
        async def transfer(self, to: str) -> None:
            await asyncio.sleep(1000)

    flow = states(
        "  a: {on_enter: [{type: transfer, params: {to: '1'}}],"
        " transitions: [{event: action_error, target: b}]}\n  b: {terminal: true}\n"
    )
    async with talking(flow, Stuck()) as talk:
        assert await talk.running == "finished"
        assert now() == pytest.approx(30.0)


async def test_a_template_that_fails_is_an_event() -> None:
    flow = states(
        "  a: {on_enter: [{type: play_tts, params: {text: '{{ variables.x + 1 }}'}}],"
        " transitions: [{event: action_error, target: b}]}\n  b: {terminal: true}\n"
    )
    async with talking(flow) as talk:
        assert await talk.running == "finished"


async def test_a_condition_that_fails_is_told() -> None:
    flow = states(
        "  a: {transitions: [{event: dtmf, condition: '{{ eq .Event `1` }}', target: a}]}\n"
    )
    async with talking(flow) as talk:
        await talk.press("1")
        assert talk.seen("error")[0]["code"] == "condition_failed"


async def test_speech_that_fails_counts_as_spoken_unless_the_flow_minds() -> None:
    stage = Stage()
    stage.fails_to_say = {"one two three four five six"}
    waits = (
        f"  a: {{on_enter: [{TALK}], transitions: [{{event: tts_complete, target: b}}]}}\n  b:\n"
    )
    async with talking(states(waits), stage) as talk:
        await asyncio.sleep(0.1)
        assert talk.machine.state == "b"
    minds = waits.replace("tts_complete", "action_error")
    async with talking(states(minds), stage) as talk:
        await asyncio.sleep(0.1)
        assert talk.machine.state == "b"


async def test_nothing_to_say_counts_as_said() -> None:
    flow = states(
        "  a: {on_enter: [{type: play_tts, params: {text: ' {{ variables.x }} '}}],"
        " transitions: [{event: tts_complete, target: b}]}\n  b: {terminal: true}\n"
    )
    async with talking(flow) as talk:
        assert await talk.running == "finished"
        assert talk.stage.said == []


async def test_sounds_are_played_from_beside_the_flow() -> None:
    flow = states(
        "  a: {on_enter: [{type: play_audio, params: {file: ring.wav}}],"
        " transitions: [{event: tts_complete, target: b}]}\n  b: {terminal: true}\n"
    )
    async with talking(flow) as talk:
        await talk.running
        assert talk.stage.played == [Sound(file="ring.wav", flow="flow.yaml")]
        assert now() == pytest.approx(2.0)


@pytest.mark.parametrize("file", ["/etc/passwd", "../x.wav", "a/../../x.wav", "C:x.wav", "..\\\\x"])
async def test_a_sound_from_elsewhere_is_refused(file: str) -> None:
    play = f'{{type: play_audio, params: {{file: "{file}"}}}}'
    async with talking(states(f"  a: {{on_enter: [{play}]}}\n")) as talk:
        assert talk.stage.played == []
        assert "is not in the flow's folder" in str(talk.seen("error"))


def test_every_action_can_be_done() -> None:
    assert all(callable(getattr(Performer, f"_{name}")) for name in ACTIONS)


async def test_a_wild_flow_does_not_fill_the_memory() -> None:
    flow = states(f"  a: {{on_enter: [{', '.join([TALK] * 250)}]}}\n")
    async with talking(flow) as talk:
        await asyncio.sleep(0.1)
        assert talk.seen("error")[0]["message"] == "play_tts: too much is waiting to be said"


async def test_what_a_hook_asks_for_is_done_before_its_result_is_told() -> None:
    stage = Stage()
    actions = [{"type": "say_caption", "params": {"text": "from outside"}}]
    stage.web = [WebAnswer(body={"variables": {"v": "1"}, "data": {"d": 2}, "actions": actions})]
    flow = states(
        f"  a: {{on_enter: [{HOOK}, {{type: say_caption, params: {{text: '{{{{ result.d }}}}'}}}}],"
        " transitions: [{event: hook_result, target: b}]}\n  b: {terminal: true}\n"
    )
    async with talking(flow, stage) as talk:
        await talk.running
        assert stage.captions == ["from outside", "2"]
        assert talk.machine.variables["v"] == "1"
        assert talk.seen("hook.result")[0]["status_code"] == 200


async def test_nobody_is_told_a_secret() -> None:
    async with talking(states(f"  a: {{on_enter: [{HOOK}]}}\n")) as talk:
        await asyncio.sleep(1)
        assert talk.stage.requests[0].headers["Authorization"] == "Bearer s3cret"
        assert "s3cret" not in str(talk.stage.events)


async def test_a_hook_that_answers_too_late_changes_nothing() -> None:
    stage = Stage()
    stage.web = [WebAnswer(after=5.0, body={"variables": {"late": "1"}, "next_state": "c"})]
    flow = states(
        f"  a: {{on_enter: [{HOOK}], transitions: [{{event: speech, target: b}}]}}\n"
        "  b: {transitions: [{event: hook_result, target: c}]}\n  c: {}\n"
    )
    async with talking(flow, stage) as talk:
        await talk.say("never mind")
        await asyncio.sleep(10)
        assert talk.machine.state == "b"
        assert "late" not in talk.machine.variables
        assert len(talk.seen("hook.result")) == 1


async def test_listening_goes_on_while_a_hook_is_asked() -> None:
    stage = Stage()
    stage.web = [WebAnswer(after=5.0)]
    flow = states(f"  a: {{on_enter: [{HOOK}], transitions: [{{event: dtmf, target: b}}]}}\n  b:\n")
    async with talking(flow, stage) as talk:
        await talk.press("1")
        assert talk.machine.state == "b"
        assert now() < 0.1


async def test_an_old_states_leftovers_are_dropped() -> None:
    flow = states(
        f"  a: {{on_enter: [{TALK.replace('six}', 'six, wait: true}')}, {{type: hangup}}],"
        " transitions: [{event: dtmf, target: b}]}\n  b: {}\n"
    )
    async with talking(flow) as talk:
        await talk.press("1")
        await asyncio.sleep(10)
        assert talk.stage.hung_up == []


async def test_a_goto_skips_what_comes_after_it() -> None:
    flow = states(
        "  a: {on_enter: [{type: goto, params: {state: b}}, {type: hangup}]}\n  b: {terminal:"
        " true}\n"
    )
    async with talking(flow) as talk:
        assert await talk.running == "finished"
        assert talk.stage.hung_up == []


async def test_a_flow_that_goes_round_in_circles_is_ended() -> None:
    flow = states(
        "  a: {on_enter: [{type: goto, params: {state: b}}]}\n"
        "  b: {on_enter: [{type: goto, params: {state: a}}]}\n"
    )
    async with talking(flow) as talk:
        assert await talk.running == "loop"
        assert talk.seen("error")[0]["code"] == "dialog_loop"
        assert len(talk.seen("state.transition")) == 50


async def test_too_many_events_are_refused() -> None:
    async with talking(FRONT_DESK, limits=Limits(events=3)) as talk:
        for _ in range(3):
            talk.runner.post(Event("joined"))
        with pytest.raises(Busy):
            talk.runner.post(Event("joined"))


async def test_closing_ends_it_at_once_and_for_good() -> None:
    stage = Stage()
    stage.web = [WebAnswer(after=9.0)]
    async with talking(states(f"  a: {{on_enter: [{TALK}, {HOOK}]}}\n"), stage) as talk:
        talk.runner.close()
        assert await talk.running == "closed"
        assert now() < 0.1
        with pytest.raises(Ended):
            talk.runner.post(Event("joined"))
        assert talk.seen("dialog.ended")[0]["reason"] == "closed"


async def test_a_custom_event_from_outside_is_taken() -> None:
    flow = states("  a: {transitions: [{event: custom.paid, target: b}]}\n  b: {terminal: true}\n")
    async with talking(flow) as talk:
        talk.runner.post(Event("custom.paid", {"amount": 5}))
        assert await talk.running == "finished"


async def test_everything_is_told() -> None:
    async with talking(FRONT_DESK) as talk:
        await talk.press("1")
        await talk.running
        names = [name for name, _ in talk.stage.events]
        assert names[:4] == ["dialog.started", "state.transition", "action.executed", "tts.started"]
        assert talk.seen("state.transition")[1] == {
            "from_state": "ask",
            "to_state": "booking",
            "trigger_event": "1",
            "dialog_name": "front-desk",
        }
        assert names[-1] == "dialog.ended"


# What a restart does not lose.
