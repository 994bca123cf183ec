"""The language model that agents talk to, as the settings say."""

import pytest

from dialogs.errors import ModelFailed
from tests.conformance.llm import prompt
from transcriber.app.models import list_models, models
from transcriber.config import load
from transcriber.errors import Misconfigured
from transcriber.telemetry import METRICS


async def test_the_settings_choose_it() -> None:
    environ = {"LLM_BACKEND": "openai, anthropic", "ANTHROPIC_API_KEY": "k"}
    async with models(load(environ)) as chosen:
        assert chosen.unusable() == ""
    usable = {one.info.name: one.as_dict()["usable"] for one in list_models(load(environ))}
    assert usable == {"anthropic": True, "compatible": False, "openai": False}


async def test_without_an_account_it_says_what_to_do_and_the_failure_is_counted() -> None:
    counter = METRICS.model_failures.labels("openai", "engine_unusable")
    before = counter._value.get()
    async with models(load({})) as chosen:
        assert chosen.unusable() == "openai: no key: set OPENAI_API_KEY"
        with pytest.raises(ModelFailed, match="OPENAI_API_KEY"):
            await anext(chosen.chat(prompt("Hello")))
    assert counter._value.get() == before + 1


@pytest.mark.parametrize(
    ("environ", "setting"),
    [
        ({"LLM_BACKEND": "eliza"}, "LLM_BACKEND"),
        ({"LLM_PRICES": "gpt one two"}, "LLM_PRICES"),
        ({"LLM_BUDGET": "5"}, "LLM_BUDGET"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(environ: dict[str, str], setting: str) -> None:
    with pytest.raises(Misconfigured) as wrong:
        models(load(environ))
    assert wrong.value.setting == setting
