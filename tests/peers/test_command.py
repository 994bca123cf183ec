"""The rest of the command line."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import webhooks
from tests.peers.command import here, transcriber
from tests.peers.postgres import execute
from tests.unit.transcriber.test_config import BROKEN
from transcriber import cli, config
from transcriber.audio import wav
from transcriber.errors import Misconfigured

VERBS = [verb.__name__.rpartition(".")[2] for verb in cli.VERBS]


@pytest.mark.parametrize("verb", VERBS)
def test_help_teaches_with_examples(verb: str) -> None:
    ran = transcriber(verb, "--help")
    assert ran.code == 0
    assert f"  transcriber {verb}" in ran.out or f" transcriber {verb}" in ran.out
    assert "exit codes:" in ran.out


def test_help_imports_nothing_that_is_slow() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "transcriber", "--help"]
    ran = subprocess.run(command, capture_output=True, check=True, text=True)
    assert "transcribe" in ran.stdout
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "transcriber.cli" in imported
    heavy = {"numpy", "av", "pydantic", "aiohttp", "rich", "sherpa_onnx", "structlog", "asyncio"}
    assert not imported & heavy


WAITING = ("check", "flows run dialogs/flows/reception.yaml")
"""Commands that take their time after their first line."""


def asking(silent: socket.socket) -> dict[str, str]:
    """Have a service listen for us that lets us in and never says a word."""
    url = f"ws://127.0.0.1:{silent.getsockname()[1]}/"
    return {"ASR_BACKEND": "kyutai", "STT_STREAM_URL": url}


@pytest.mark.parametrize("command", WAITING)
def test_interrupting_leaves_one_line(command: str) -> None:
    argv = [sys.executable, "-u", "-m", "transcriber", *command.split()]
    pipe = subprocess.PIPE
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        subprocess.Popen(
            argv, env=os.environ | asking(silent), text=True, stdin=pipe, stdout=pipe, stderr=pipe
        ) as process,
    ):
        assert process.stdout
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert err.splitlines()[-1] == "transcriber: interrupted"
    assert "Traceback" not in err
    assert process.returncode in (130, -signal.SIGINT)


def test_interrupting_what_is_still_loading_leaves_no_traceback() -> None:
    argv = [sys.executable, "-X", "importtime", "-m", "transcriber", "check"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        while "transcriber.errors" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in process.communicate(timeout=20)[1]
    assert process.returncode in (130, -signal.SIGINT)


def test_a_wrong_option_is_usage() -> None:
    assert transcriber("transcribe").code == 2
    assert transcriber("transcribe", "x.wav", "--format", "doc").code == 2
    assert transcriber("sing").code == 2


def test_engines_are_listed_for_people_and_scripts() -> None:
    assert "local" in transcriber("engines").out
    listed = map(json.loads, transcriber("engines", "--json").out.splitlines())
    engine, voice = (one for one in listed if one["name"] == "local")
    assert (engine["kind"], voice["kind"]) == ("recogniser", "voice")
    assert engine["usable"] is voice["usable"] is True
    assert engine["languages"] == voice["languages"] == ["en"]
    assert [one["name"] for one in voice["voices"]] == ["heart"]


def test_an_engine_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    ran = transcriber("engines", "--json", env={"LOCAL_MODEL_DIR": str(tmp_path)})
    listed = map(json.loads, ran.out.splitlines())
    engine, _ = (one for one in listed if one["name"] == "local")
    assert engine["usable"] is False
    assert "LOCAL_MODEL_DIR" in engine["unusable"]


def test_a_text_is_said_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "said.wav"
    wish = ("say", "Welcome to the meeting.", "--output", str(file), "--json")
    ran = transcriber(*wish, env={"TTS_BACKEND": "local"})
    told = json.loads(ran.out)
    assert (told["file"], told["engines"], told["characters"]) == (str(file), ["local"], 23)
    samples, rate = wav.decode(file.read_bytes())
    assert len(samples) / rate == pytest.approx(told["seconds"], abs=0.01)
    assert 1 < told["seconds"] < 4


def test_what_is_said_can_go_to_another_program() -> None:
    command = [sys.executable, "-m", "transcriber", "say", "-", "--speed", "2"]
    ran = subprocess.run(command, input=b"Yes.", capture_output=True, check=True)
    assert wav.decode(ran.stdout)[1] == 24_000


def test_words_are_said_as_the_file_says(tmp_path: Path) -> None:
    words, file = tmp_path / "words.yaml", tmp_path / "said.wav"
    words.write_text("x: a very long way to say a letter of the alphabet\n")
    env = {"TTS_PRONUNCIATIONS": str(words)}
    ran = transcriber("say", "x", "--output", str(file), "--json", env=env)
    assert json.loads(ran.out)["seconds"] > 1.5


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["", "--output", "x.wav"], 2, "there is nothing to say"),
        (["x", "--json"], 2, "name one with --output"),
        (["x", "--voice", "eve", "--output", "x.wav"], 2, "no engine speaks en in the voice eve"),
        (["x", "--engine", "polly", "--output", "x.wav"], 3, "there is no voice 'polly'"),
        (["x", "--output", "no/such/folder/x.wav"], 2, "cannot write no/such/folder/x.wav"),
    ],
)
def test_what_cannot_be_said_is_told(arguments: list[str], code: int, problem: str) -> None:
    ran = transcriber("say", *arguments)
    assert ran.code == code
    (line,) = ran.lines
    assert problem in line


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "cannot read"), ("a: [1", "is not YAML"), ("- a", "is not a list of words")],
)
def test_a_list_of_words_that_cannot_be_read_is_told(
    content: str | None, problem: str, tmp_path: Path
) -> None:
    file = tmp_path / "words.yaml"
    if content is not None:
        file.write_text(content)
    ran = transcriber("say", "x", env={"TTS_PRONUNCIATIONS": str(file)})
    assert ran.code == 3
    assert problem in ran.err


FLOWS = "dialogs/flows"


def test_the_example_flows_are_sound_and_can_be_drawn() -> None:
    ran = transcriber("flows", "check", FLOWS, "--diagram")
    assert (ran.code, ran.err) == (0, "")
    assert "stateDiagram" in ran.out
    reports = transcriber("flows", "check", FLOWS, "--json").out.splitlines()
    assert all(json.loads(report)["ok"] for report in reports)
    assert len(reports) >= 4


def test_a_broken_flow_is_told_by_file_line_and_hint(tmp_path: Path) -> None:
    flow = tmp_path / "broken.yaml"
    flow.write_text("initial_state: a\nstates:\n  a:\n    timout: 5s\n")
    ran = transcriber("flows", "check", str(flow))
    assert ran.code == 2
    assert f"{flow}:4: error: states.a.timout" in ran.err
    assert "did you mean 'timeout'?" in ran.err
    assert transcriber("flows", "check", str(tmp_path / "none.yaml")).code == 2


def test_scripted_conversations_are_held(tmp_path: Path) -> None:
    ran = transcriber("flows", "test", FLOWS, "--transcript")
    assert (ran.code, ran.err) == (0, "")
    held = [
        json.loads(line) for line in transcriber("flows", "test", FLOWS, "--json").out.splitlines()
    ]
    assert len(held) >= 10
    assert all(one["ok"] for one in held)


def test_a_flow_is_drawn_and_held_with_whoever_types() -> None:
    ran = transcriber("flows", "draw", f"{FLOWS}/reception.yaml")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("<svg")
    assert "stateDiagram" in here("flows", "draw", f"{FLOWS}/reception.yaml", "--mermaid").out
    ran = transcriber("flows", "run", f"{FLOWS}/reception.yaml", "--json", stdin=b"/keys\nhello\n")
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.code, told[0]["type"], told[-1]["type"]) == (0, "dialog.started", "dialog.ended")
    assert next(one for one in told if "trigger_event" in one)["trigger_event"] == "start"
    assert "flows run --help" in ran.err
    broken = transcriber("flows", "run", "none.yaml")
    assert (broken.code, broken.out) == (2, "")


def test_a_sound_configuration_is_found_sound() -> None:
    ran = transcriber("check", env={"HTTP_PORT": "0"})
    assert ran.code == 0, ran.out + ran.err
    assert "WRONG" not in ran.out


UNREACHABLE = {
    "ASR_BACKEND": "kaldi",
    "LOCAL_MODEL_DIR": "/nowhere",
    "HTTP_HOST": "192.0.2.1",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "DATA_DIR": "/proc/none",
    "ASR_LANGUAGE": "tlh",
    "TTS_BACKEND": "mute",
    "TTS_VOICE": "nobody",
    "TTS_PRONUNCIATIONS": "/nowhere.yaml",
    "LLM_BACKEND": "eliza",
    "LLM_PRICES": "gpt one two",
    "LLM_BUDGET": "5",
    "LT_HPB_URL": "http://127.0.0.1:9",
    "NEXTCLOUD_URL": "http://127.0.0.1:9",
    "NATS_URL": "nats://127.0.0.1:9",
    "TRANSCRIBER_CONFIG": "/nowhere.yaml",
    "API_TOKEN_FILE": "/nowhere",
    "DIALOG_DIR": "/nowhere",
    "DEFAULT_DIALOG": "nobody-wrote-it",
    "APP_ID": "live_transcription",
    "TRANSLATION_BACKEND": "llm",
}
"""Values of the right form that lead nowhere, or not alone."""
ANYTHING = {
    *("API_TOKEN", "ROOMS_SECRET", "OIDC_CLIENT_SECRET"),  # ours to choose
    *("VOCABULARY", "PROFANITY_WORDS", "TRANSCRIPT_FOLDER"),  # texts
    *("APP_SECRET", "HP_SHARED_KEY", "LT_INTERNAL_SECRET"),  # see test_checks.py
    *("TRANSLATION_KEY", "TRANSLATION_MODEL", "LLM_KEY", "MODAL_SECRET"),  # known to who gave them
    "GOOGLE_APPLICATION_CREDENTIALS",
    "PIPER_VOICES",
}
"""Settings for which every text will do, until somebody is asked."""


@pytest.mark.parametrize(("name", "value"), [*BROKEN.items(), *UNREACHABLE.items()])
def test_each_setting_broken_in_turn_is_named(name: str, value: str) -> None:
    run = transcriber if name.startswith("OTEL_") else here  # tracing lasts as long as a process
    ran = run("check", env={"HTTP_PORT": "0"} | {name: value})
    assert ran.code == 3
    assert name in ran.out + ran.err
    assert "Traceback" not in ran.err


NONSENSE = "~ nonsense ~"


@pytest.mark.parametrize("setting", config.table(), ids=lambda setting: setting.name)
def test_nonsense_is_refused_by_name_wherever_not_every_text_will_do(
    setting: config.Setting,
) -> None:
    refused: list[Misconfigured] = []
    try:
        shown = config.load({setting.name: NONSENSE}).shown(setting)
    except config.BadSettings as refusal:
        refused = refusal.problems
    if refused:
        assert setting.name not in ANYTHING
        assert [problem.setting for problem in refused] == [setting.name]
        assert not setting.secret or NONSENSE not in str(refused[0])
    else:
        assert shown in (NONSENSE, "(set)")
        known = ANYTHING | BROKEN.keys() | UNREACHABLE.keys()
        assert setting.name in known or setting.name.endswith(
            ("_API_KEY", "_KEY", "_VOICE", "_MODEL")
        )


def test_the_self_test_hears_a_known_sentence() -> None:
    ran = transcriber("check", "--self-test", env={"HTTP_PORT": "0"})
    assert ran.code == 0, ran.out + ran.err
    assert "8 of 8 words were heard" in ran.out
    ran = transcriber("check", "--self-test", env={"HTTP_PORT": "0", "LOCAL_MODEL_DIR": "/no"})
    assert ran.code == 3
    assert "self-test: ASR_BACKEND: captions" in ran.out


def test_check_speaks_to_scripts() -> None:
    ran = transcriber("check", "--json", env={"HTTP_PORT": "0"})
    verdicts = [json.loads(line) for line in ran.out.splitlines()]
    assert {verdict["setting"] for verdict in verdicts} >= {"ASR_BACKEND", "HTTP_PORT"}
    assert all(verdict["ok"] for verdict in verdicts)


def test_what_cannot_start_beside_others_is_told_in_one_line(tmp_path: Path) -> None:
    async def kept() -> None:
        async with webhooks.open_store(url := f"sqlite:///{tmp_path / 'transcriber.db'}"):
            await execute(url, "INSERT INTO webhook_schema VALUES (900)")

    asyncio.run(kept())
    ran = transcriber("serve", env={"DATA_DIR": str(tmp_path), "HTTP_PORT": "0"})
    assert ran.code == 1
    (line,) = ran.lines
    assert "newer version" in line


def test_settings_show_where_they_come_from_and_no_secrets() -> None:
    ran = transcriber("settings", "--json", env={"API_TOKEN": "s3cret", "HTTP_PORT": "1234"})
    found = {one["name"]: one for one in map(json.loads, ran.out.splitlines())}
    assert found["HTTP_PORT"]["origin"] == "environment"
    assert found["API_TOKEN"]["value"] == "(set)"
    assert "s3cret" not in ran.out
    assert "s3cret" not in transcriber("settings", env={"API_TOKEN": "s3cret"}).out


def test_a_reader_who_leaves_early_is_no_trouble() -> None:
    command = f"{sys.executable} -m transcriber settings --json | head -n 1"
    ran = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert ran.stderr == ""


def test_nothing_is_written_to_the_home_folder_and_no_maker_is_told(tmp_path: Path) -> None:
    code = "from transcriber.engines.vad import Silero; import sherpa_onnx; Silero()"
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("public", [False, True])
def test_the_demo_says_what_it_takes_to_be_there_for_others(
    public: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = []

    def serve(started: Callable[[str], None]) -> int:
        hosts.append(os.environ["HTTP_HOST"])
        started("http://192.0.2.1:8123")
        return 0

    monkeypatch.setattr("transcriber.cli.serve.serve", serve)
    ran = here("demo", *["--public"] * public)
    assert (ran.code, hosts) == (0, ["0.0.0.0" if public else "127.0.0.1"])
    assert "http://localhost:8123" in ran.out
    told = ("over https", "certificate", "ssh -L 8123:localhost:8123", "UDP", "TURN_SERVERS")
    assert [word in ran.out for word in told] == [public] * len(told)


def test_the_readme_names_every_command() -> None:
    readme = Path("README.md").read_text()
    for verb in VERBS:
        assert re.search(rf"\btranscriber {verb}\b", readme)
