"""Which language models there are, and the one that agents talk to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from transcriber import engines
from transcriber.config import Settings
from transcriber.engines.llm.base import Llm, LlmInfo
from transcriber.engines.llm.fallback import Answered, Models
from transcriber.engines.llm.tariff import Tariff
from transcriber.engines.stt.health import State
from transcriber.errors import Misconfigured
from transcriber.telemetry import METRICS

__all__ = ["ModelEngine", "list_models", "model_engine", "models"]


@dataclass(frozen=True, slots=True)
class ModelEngine:
    """An interface of language models, as people see it in a list."""

    info: LlmInfo
    unusable: str

    def as_dict(self) -> dict[str, Any]:
        """Everything, for scripts."""
        return asdict(self.info) | {"usable": not self.unusable, "unusable": self.unusable}


def model_engine(settings: Settings, name: str) -> Llm:
    """Make one engine, with nothing around it."""
    return engines.llm(name)(settings.models[name])


def list_models(settings: Settings) -> list[ModelEngine]:
    """Every language model, and why it cannot be used if it cannot."""
    found = (model_engine(settings, name) for name in sorted(engines.llm_names()))
    return [ModelEngine(engine.info, engine.unusable()) for engine in found]


def models(settings: Settings) -> Models:
    """Put the model together that agents talk to; raises `Misconfigured`."""
    options = settings.llm
    tariff = Tariff.parse(options.prices)
    if options.budget and not tariff.prices:
        raise Misconfigured("LLM_BUDGET", "nothing has a price", remedy="set LLM_PRICES, too")
    return Models(
        lambda name: model_engine(settings, name),
        options.names,
        known=engines.llm_names(),
        tariff=tariff,
        budget=options.budget,
        observe=_count,
        turned=_count_failure,
    )


def _count(answered: Answered) -> None:
    METRICS.first_word.labels(answered.engine).observe(answered.first)
    if used := answered.usage:
        METRICS.tokens.labels(answered.engine, "in").inc(used.prompt_tokens)
        METRICS.tokens.labels(answered.engine, "out").inc(used.completion_tokens)
        METRICS.model_cost.labels(answered.engine).inc(used.cost)


def _count_failure(state: State) -> None:
    if not state.up:
        METRICS.model_failures.labels(state.engine, state.code).inc()
