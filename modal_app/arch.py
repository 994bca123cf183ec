"""
The shapes of Kyutai's published speech-to-text models, and a tiny one that tests run on a CPU.

A shape is all that is needed to build a model with random weights, to count what a step costs,
and to know the rules by which its tokens become timed words. The figures were read from the
published configurations; `hidden_scale` 4.125 is the feed-forward width of 5632.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modal_app.protocol import FRAME, RATE
from modal_app.speech import Rules

__all__ = ["ARCHS", "LICENCE", "Arch"]

LICENCE = "Speech recognition by Kyutai STT (kyutai.org), weights licensed CC-BY 4.0"
"""The attribution that the licence of the weights asks for; shown wherever they are used."""


@dataclass(frozen=True, slots=True)
class Arch:
    """One model: how it is built, where its weights are, and what its tokens mean."""

    name: str
    lm: dict[str, Any]
    rules: Rules = field(default_factory=Rules)
    mimi: dict[str, Any] | None = None
    """None for the published Mimi."""
    repo: str = ""
    languages: tuple[str, ...] = ("en",)

    @property
    def heads(self) -> int:
        """How many pause heads it has."""
        return int(self.lm.get("extra_heads_num_heads", 0))


def _lm(*, n_q: int = 32, **own: Any) -> dict[str, Any]:
    common: dict[str, Any] = {
        "dim": 2048,
        "n_q": n_q,
        "dep_q": 0,
        "card": 2048,
        "delays": [0] * (n_q + 1),
        "hidden_scale": 4.125,
        "causal": True,
        "layer_scale": None,
        "max_period": 100_000.0,
        "gating": "silu",
        "norm": "rms_norm_f32",
        "positional_embedding": "rope",
        "existing_text_padding_id": 3,
        # With `dep_q` 0 this means no depth transformer at all; without it a stray layer remains.
        "depformer_multi_linear": True,
    }
    return common | own


SMALL = Arch(
    name="stt-1b-en_fr",
    lm=_lm(
        text_card=8000,
        num_heads=16,
        num_layers=16,
        context=750,
        extra_heads_num_heads=4,
        extra_heads_dim=6,
    ),
    # The candle repository holds the same tensors as the plain one and the pause heads.
    repo="kyutai/stt-1b-en_fr-candle",
    languages=("en", "fr"),
)
LARGE = Arch(
    name="stt-2.6b-en",
    lm=_lm(text_card=4000, num_heads=32, num_layers=48, context=375),
    rules=Rules(delay=2.5, prefix=1.0),
    repo="kyutai/stt-2.6b-en",
)
TINY = Arch(
    name="tiny",
    lm=_lm(
        dim=64,
        n_q=4,
        card=32,
        text_card=48,
        num_heads=4,
        num_layers=2,
        context=10,
        hidden_scale=4.0,
        extra_heads_num_heads=4,
        extra_heads_dim=6,
    ),
    mimi={
        "sample_rate": RATE,
        "channels": 1,
        "frame_rate": RATE / FRAME,
        "seanet": {
            "channels": 1,
            "dimension": 32,
            "causal": True,
            "n_filters": 4,
            "n_residual_layers": 1,
            "activation": "ELU",
            "compress": 2,
            "dilation_base": 2,
            "disable_norm_outer_blocks": 0,
            "kernel_size": 7,
            "residual_kernel_size": 3,
            "last_kernel_size": 3,
            "norm": "none",
            "pad_mode": "constant",
            "ratios": [8, 6, 5, 4],
            "true_skip": True,
        },
        "quantizer": {
            "dimension": 16,
            "n_q": 4,
            "bins": 32,
            "input_dimension": 32,
            "output_dimension": 32,
        },
        "transformer": {
            "d_model": 32,
            "num_heads": 4,
            "num_layers": 2,
            "causal": True,
            "layer_scale": 0.5,
            "context": 12,
            "conv_layout": True,
            "max_period": 10_000,
            "gating": "none",
            "norm": "layer_norm",
            "positional_embedding": "rope",
            "dim_feedforward": 64,
            "input_dimension": 32,
            "output_dimensions": [32],
        },
    },
)

ARCHS = {arch.name: arch for arch in (SMALL, LARGE, TINY)}
"""Every model by its name."""
