"""Settings: where they come from, and what is said when they are wrong."""

from pathlib import Path

import pytest

from transcriber import config, engines
from transcriber.config import BadSettings, load
from transcriber.engines.stt.local import LocalOptions


def problems(environ: dict[str, str]) -> dict[str, str]:
    with pytest.raises(BadSettings) as refusal:
        load(environ)
    return {problem.setting: str(problem) for problem in refusal.value.problems}


def file(folder: Path, text: str) -> dict[str, str]:
    path = folder / "settings.yaml"
    path.write_text(text)
    return {"TRANSCRIBER_CONFIG": str(path)}


def test_without_any_settings_the_defaults_hold() -> None:
    settings = load({})
    assert settings.speech.engine == "local"
    assert set(settings.origins.values()) == {"default"}


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    environ = file(tmp_path, "http_port: 9000\nlog_level: debug\n") | {"HTTP_PORT": "9001"}
    settings = load(environ)
    assert (settings.web.port, settings.telemetry.level) == (9001, "debug")
    assert settings.origins["HTTP_PORT"] == "environment"
    assert settings.origins["LOG_LEVEL"].endswith("settings.yaml")


def test_a_secret_can_come_from_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    settings = load({"API_TOKEN_FILE": str(tmp_path / "token")})
    assert settings.web.api_token.get_secret_value() == "s3cret"


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    settings = load({"API_TOKEN": "s3cret"})
    (setting,) = [one for one in config.table() if one.name == "API_TOKEN"]
    assert settings.shown(setting) == "(set)"
    assert "s3cret" not in repr(settings)


def test_an_engine_finds_its_own_settings() -> None:
    options = load({"LOCAL_THREADS": "3"}).engines["local"]
    assert isinstance(options, LocalOptions)
    assert options.threads == 3


def test_an_engine_that_speaks_finds_its_own_too() -> None:
    settings = load({"LOCAL_VOICE_THREADS": "3"})
    assert settings.voices["local"].model_dump() == {"threads": 3}
    (setting,) = [one for one in config.table() if one.name == "LOCAL_VOICE_THREADS"]
    assert settings.shown(setting) == "3"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load({"HTTP_PORT": ""}).web.port == 8080


def test_everything_wrong_is_told_at_once_by_name() -> None:
    wrong = problems({"HTTP_PORT": "many", "LOG_LEVEL": "loud", "LOCAL_THREADS": "0"})
    assert set(wrong) == {"HTTP_PORT", "LOG_LEVEL", "LOCAL_THREADS"}
    assert "'many'" in wrong["HTTP_PORT"]


BROKEN = {
    "ASR_LANGUAGE": "english please",
    "NOISE_SUPPRESSION": "5",
    "TTS_SPEED": "fast",
    "TTS_CACHE_MB": "-1",
    "HTTP_PORT": "70000",
    "DATABASE_URL": "mysql://user:secret@db/x",
    "WORKERS": "many",
    "NATS_STREAM": "a b",
    "NATS_SUBJECT": "a..b",
    "INSTANCE_URL": "a.example",
    "DRAIN_SECONDS": "soon",
    "LOG_LEVEL": "loud",
    "LOG_FORMAT": "xml",
    "LOG_PII": "perhaps",
    "APP_PORT": "70000",
    "NEXTCLOUD_URL": "cloud.example",
    "LT_HPB_URL": "hpb.example",
    "STUN_SERVERS": "stun.example",
    "TURN_SERVERS": "turn:a.example, relay:b.example",
    "LT_BACKEND_URL": "cloud.example",
    "SKIP_CERT_VERIFY": "perhaps",
    "LT_INTERIM_CAPTIONS": "perhaps",
    "REDACT": "cards",
    "REDACT_PATTERNS": "(",
    "HIDE_PROFANITY": "perhaps",
    "IBM_STT_URL": "watson.example",
    "IBM_STT_MODEL": "en us",
    "IBM_IAM_URL": "iam.example",
    "LOCAL_MODELS": "moonshine-tiny-de",
    "LOCAL_MODEL_SOURCE": "github",
    "LOCAL_MODEL_DOWNLOAD": "perhaps",
    "LOCAL_THREADS": "none",
    "LOCAL_PARTIAL_SECONDS": "-1",
    "LOCAL_VOICE_THREADS": "none",
    "OPENAI_TTS_MODEL": "tts 1",
    "OPENAI_TTS_VOICE": "an alloy",
    "ELEVENLABS_TTS_MODEL": "flash 2",
    "ELEVENLABS_VOICE": "George!",
    "KYUTAI_TTS_URL": "example.org",
    "KYUTAI_VOICE": "a happy one",
    "GOOGLE_TTS_URL": "texttospeech.googleapis.com",
    "GOOGLE_TTS_VOICE": "kore",
    "STT_STREAM_URL": "example.org",
    "MODAL_WORKSPACE": "my workspace",
    "MODAL_STT_HOST_SUFFIX": "transcriber.stt",
    "KYUTAI_PROTOCOL": "v2",
    "KYUTAI_AUDIO": "mp3",
    "DEEPGRAM_BASE_URL": "deepgram",
    "DEEPGRAM_MODEL": "nova 3",
    "OPENAI_BASE_URL": "api.openai.com",
    "OPENAI_STT_MODEL": "whisper 1",
    "OPENAI_STT_MODE": "batch",
    "LT_VOSK_SERVER_URL": "vosk:2700",
    "VOSK_LANGUAGES": "english",
    "APP_ID": "our app",
    "APP_VERSION": "one and a half",
    "APP_HOST": "every one",
    "AA_VERSION": "the newest",
    "HP_FRP_ADDRESS": "ha rp",
    "HP_EXAPP_SOCK": "exapp.sock",
    "OIDC_ISSUER": "id.example.org",
    "OIDC_AUDIENCE": "captions",
    "OIDC_ADMINS": "bosses",
    "OIDC_CLAIM": "the groups",
    "OIDC_CLIENT_ID": "captions",
    "CONSOLE_URL": "captions.example.org",
    "TURN_USERNAME": "transcriber",
    "TURN_PASSWORD": "s3cret",
    "TRANSLATION_URL": "translate.example.org",
    "TRANSLATION_LANGUAGES": "de;fr",
    "TRANSCRIPT_FOLDER": "/Talk",
    "TRANSCRIPT_UPLOAD": "docx",
    "DATA_DIR": "~nobody-of-that-name/data",
    "XDG_DATA_HOME": "~nobody-of-that-name",
    "DIALOG_DIR": "~nobody-of-that-name/dialogs",
    "LOCAL_MODEL_DIR": "~nobody-of-that-name/model",
    "LOCAL_MODEL_FOLDER": "~nobody-of-that-name/models",
    "PIPER_FOLDER": "~nobody-of-that-name/voices",
    "PIPER_SOURCE": "ftp://voices.example.org",
    "AWS_REGION": "Frankfurt am Main",
    "AZURE_SPEECH_REGION": "West Europe",
    "GLADIA_BASE_URL": "gladia.example.org",
    "GOOGLE_STT_MODEL": "latest long",
    "ANTHROPIC_BASE_URL": "anthropic.example.org",
    "LLM_URL": "ollama:11434",
    "WEBHOOK_ALLOWED_NETWORKS": "everywhere",
    "DIALOG_ALLOWED_NETWORKS": "everywhere",
    "TRUSTED_PROXIES": "everywhere",
    "TLS_AUTHORITIES": "no/such/file.pem",
}
"""A value that each setting with a form of its own refuses."""


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_value_names_its_setting(name: str) -> None:
    assert list(problems({name: BROKEN[name]})) == [name]


@pytest.mark.parametrize("name", BROKEN)
def test_the_file_is_checked_as_strictly(name: str, tmp_path: Path) -> None:
    assert list(problems(file(tmp_path, f"{name.lower()}: [1, 2]\n"))) == [name]


def test_an_unknown_key_in_the_file_is_refused_with_a_guess(tmp_path: Path) -> None:
    wrong = problems(file(tmp_path, "http_prot: 9000\n"))
    assert "did you mean HTTP_PORT?" in wrong["HTTP_PROT"]


def test_an_unknown_variable_that_looks_like_ours_is_refused() -> None:
    assert "TRANSCRIBER_CONFIG" in problems({"TRANSCRIBER_CONFG": "x"})["TRANSCRIBER_CONFG"]


@pytest.mark.parametrize(
    ("text", "says"),
    [("a: [", "is not YAML"), ("- a\n- b\n", "not a list of settings"), ("a: b: c", "line 1")],
)
def test_a_file_that_is_none_says_so(tmp_path: Path, text: str, says: str) -> None:
    assert says in problems(file(tmp_path, text))["TRANSCRIBER_CONFIG"]


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    assert load(file(tmp_path, "")).web.port == 8080


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    assert gone in problems({"TRANSCRIBER_CONFIG": gone})["TRANSCRIBER_CONFIG"]
    assert gone in problems({"API_TOKEN_FILE": gone})["API_TOKEN_FILE"]


def test_a_wrong_secret_is_not_repeated(tmp_path: Path) -> None:
    wrong = problems(file(tmp_path, "api_token: [hunter2]\n"))
    assert "hunter2" not in wrong["API_TOKEN"]


def test_no_two_settings_share_a_name() -> None:
    names = [setting.name for setting in config.table()]
    assert len(names) == len(set(names))
    assert all(name == name.upper() for name in names)


def test_what_several_parts_share_means_the_same_to_each() -> None:
    fields = [
        (field.alias, field)
        for names, find in (
            (engines.stt_names(), engines.stt),
            (engines.tts_names(), engines.tts),
            (engines.llm_names(), engines.llm),
        )
        for name in names
        for field in find(name).Options.model_fields.values()
    ]
    for name, field in fields:
        for other in (one for alias, one in fields if alias == name):
            assert (field.annotation, field.default) == (other.annotation, other.default), name


def test_every_setting_is_described() -> None:
    assert all(len(setting.description) > 10 for setting in config.table())


def test_the_readme_lists_exactly_the_settings_there_are() -> None:
    assert config.markdown() in Path("README.md").read_text()
