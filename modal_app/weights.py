"""
Where a model comes from: a local folder, the Hugging Face hub, or a random generator.

Random weights do for everything but words: a step costs the same, and whether slots are kept apart
shows as well. Published weights are loaded from a folder when one is given (a cold start must not
depend on the hub) and else fetched once. The pause heads are found in the weights themselves: some
published configurations do not mention them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog
import torch
from moshi.models import loaders
from moshi.utils.compile import no_compile
from safetensors import safe_open

from modal_app.arch import LICENCE, Arch
from modal_app.loopback import decode as letters
from modal_app.speech import Decode

__all__ = ["Loaded", "choose", "download", "load", "randomised"]

log = structlog.get_logger(__name__)

NOISE = 256
"""Frames of noise that the codebooks of a random model are made from."""


@dataclass(slots=True)
class Loaded:
    """The two networks of a model on their device; `mimi` and `lm` are moshi's."""

    arch: Arch
    mimi: Any
    lm: Any
    device: torch.device
    decode: Decode = letters


def load(arch: Arch, folder: Path | None = None, *, device: str = "") -> Loaded:
    """
    Load a model, from `folder` or by way of the hub's cache; the tiny one is made at random.

    Raises `FileNotFoundError` when the folder lacks a file.
    """
    where = choose(device)
    # Half precision is for the GPU's bandwidth; a CPU has no fast path for it.
    dtype = torch.bfloat16 if where.type == "cuda" else torch.float32
    if not arch.repo:
        return randomised(arch, where, dtype)
    log.info("loading weights", model=arch.name, device=str(where), licence=LICENCE)
    return _published(arch, folder or download(arch), where, dtype)


def choose(device: str = "") -> torch.device:
    """Give the device of this name, or the best there is."""
    found = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if found.type == "cpu":
        torch.set_num_threads(1)  # small matrices: threads would wait for each other
    return found


def download(arch: Arch, to: Path | None = None) -> Path:
    """Fetch the weights with progress shown; without `to` into the hub's own cache."""
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(arch.repo, local_dir=to))


def randomised(
    arch: Arch, device: torch.device, dtype: torch.dtype = torch.float32, *, seed: int = 0
) -> Loaded:
    """Build a model with random weights, the same for the same seed."""
    torch.manual_seed(seed)
    mimi = loaders.get_mimi(None, arch.mimi, device=device, num_codebooks=arch.lm["n_q"])
    _drop_decoder(mimi)
    lm = loaders.get_moshi_lm(None, arch.lm, device=device, dtype=dtype)
    with torch.no_grad(), no_compile():
        if arch.mimi is not None:
            _fit_codebooks(mimi)
        # Let the audio drive the text, or the greedy feedback settles on one token for ever.
        for embedding in lm.emb:
            torch.nn.init.normal_(embedding.weight, std=1.0)
        for head in lm.extra_heads:
            torch.nn.init.normal_(head.weight, std=arch.lm["dim"] ** -0.5)
    return Loaded(arch, mimi.requires_grad_(False), lm.requires_grad_(False), device)


def _published(arch: Arch, folder: Path, device: torch.device, dtype: torch.dtype) -> Loaded:
    from sentencepiece import SentencePieceProcessor

    config = json.loads((folder / "config.json").read_text())
    info = loaders.CheckpointInfo.from_hf_repo(
        "local",
        config_path=folder / "config.json",
        moshi_weights=folder / "model.safetensors",
        mimi_weights=folder / config["mimi_name"],
        tokenizer=folder / config["tokenizer_name"],
    )
    info.lm_config |= _pause_heads(folder / "model.safetensors")
    mimi = info.get_mimi(device=device)
    _drop_decoder(mimi)
    lm = info.get_moshi(device=device, dtype=dtype)
    timing = info.stt_config
    rules = replace(
        arch.rules,
        delay=timing["audio_delay_seconds"],
        prefix=timing["audio_silence_prefix_seconds"],
    )
    return Loaded(
        replace(arch, lm=info.lm_config, rules=rules),
        mimi.requires_grad_(False),
        lm.requires_grad_(False),
        device,
        SentencePieceProcessor(str(folder / config["tokenizer_name"])).decode,
    )


def _pause_heads(path: Path) -> dict[str, int]:
    with safe_open(path, "pt") as file:
        heads = [name for name in file.keys() if name.startswith("extra_heads.")]  # noqa: SIM118
        if not heads:
            return {}
        classes = file.get_slice(heads[0]).get_shape()[0]
    return {"extra_heads_num_heads": len(heads), "extra_heads_dim": classes}


def _drop_decoder(mimi: Any) -> None:
    """Nobody decodes here: free its weights and, later, its streaming state of the same size."""
    mimi.decoder = torch.nn.Identity()
    mimi.decoder_transformer = None
    mimi.upsample = torch.nn.Identity()
    mimi._cached_children = None


def _fit_codebooks(mimi: Any) -> None:
    """Make codewords of noise: with untrained ones every frame gets the same codes."""
    gains = torch.rand(NOISE).repeat_interleave(mimi.frame_size)
    noise = torch.randn(1, 1, NOISE * mimi.frame_size) * gains
    latent = mimi._encode_to_unquantized_latent(noise.to(next(mimi.parameters()).device))
    for quantizer in (mimi.quantizer.rvq_first, mimi.quantizer.rvq_rest):
        residual = quantizer.input_proj(latent)[0].T
        for layer in quantizer.vq.layers:
            book = layer._codebook
            book.embedding_sum.copy_(residual[torch.randperm(NOISE)[: book.codebook_size]])
            residual = residual - book.decode(book.encode(residual))
