"""
The batched model: slots that join, leave and begin anew, independent of each other.

Row `n` of every tensor is slot `n`. A step advances the rows that are active; all of moshi's
streaming states honour one mask, here a single tensor, so setting it is a single copy. On a GPU the
whole step (Mimi's encoder, quantizer, language model, heads) is one CUDA graph: the host makes two
copies and one launch a frame. Where no graph can be captured the step runs launch by launch, which
is slower, and `mode` says so.

Two things moshi does not do, and isolation needs. Its reset only hides old keys and values: one
that is no number would still reach the slot's next client, since 0 times NaN is NaN; so the caches
of a slot are zeroed. And a convolution there replaces a state tensor instead of writing it, which a
captured graph would not see. And one it does on its own account is turned off: it compiles small
kernels while serving, which takes tens of seconds, and a graph gains next to nothing by it.

Text is the most probable token: sampling would let one bad row stop the whole GPU.
"""

from __future__ import annotations

import types
from typing import Any

import structlog
import torch
from moshi.modules.conv import StreamingConv1d
from moshi.utils.compile import no_compile, no_cuda_graph

from modal_app.hub import Model
from modal_app.protocol import FRAME, Samples
from modal_app.weights import Loaded

__all__ = ["Slots", "head_weights", "model", "quiet"]

log = structlog.get_logger(__name__)

WARM_UP = 3
"""Steps before a capture, in which libraries choose their kernels."""


def model(loaded: Loaded, slots: int, *, cuda_graph: bool = True) -> Model:
    """Make a model ready to step."""
    engine = Slots(loaded, slots, cuda_graph=cuda_graph)
    log.info("engine", mode=engine.mode, slots=slots, state_mb=engine.state_bytes() >> 20)
    arch = loaded.arch
    return Model(arch.name, engine, loaded.decode, arch.rules, arch.languages)


def head_weights(lm: Any) -> torch.Tensor:
    """Put the heads on top of each other: one product then serves them all."""
    return torch.cat([head.weight for head in lm.extra_heads])


def quiet(hidden: torch.Tensor, weights: torch.Tensor, heads: int) -> torch.Tensor:
    """Ask each head how sure it is that nobody will speak, which is the first of its classes."""
    scores = torch.nn.functional.linear(hidden[:, 0], weights).float()
    return scores.view(len(scores), heads, -1).softmax(dim=-1)[:, :, 0]


class Slots:
    """The streaming state of every slot, and the step; see `batcher.Engine`."""

    def __init__(self, loaded: Loaded, slots: int, *, cuda_graph: bool = True) -> None:
        self.slots = slots
        self.heads = loaded.arch.heads
        self.mode = "eager"
        """`graph` or `eager`."""
        self._mimi, self._lm, self._device = loaded.mimi, loaded.lm, loaded.device
        self._on_gpu = self._device.type == "cuda"
        self._host_buffers()
        self._device_buffers()
        _write_flags_in_place(self._mimi)
        with torch.no_grad():
            self._mimi.streaming_forever(slots)
            self._lm.streaming_forever(slots)
        self._states = self._share_mask()
        self._caches = [s.kv_cache.cache for s in self._states if getattr(s, "kv_cache", None)]
        self._graph: Any = None
        self._reset_graph: Any = None
        if self._on_gpu and cuda_graph:
            self._try_capture()
        self.reset[:] = True
        self.step()
        self.reset[:] = False

    def step(self) -> Samples:
        """Advance the active rows by one frame; rows in `reset` begin anew before it."""
        with torch.no_grad(), no_cuda_graph(), no_compile():
            self._mask.copy_(self._mask_host, non_blocking=True)
            if self.reset.any():
                self._run(self._reset_graph, self._forget)
                self._scrub()
            self._pcm[:, 0].copy_(self._pcm_host, non_blocking=True)
            self._run(self._graph, self._advance)
            self._out_host.copy_(self._out, non_blocking=True)
            if self._on_gpu:
                torch.cuda.current_stream(self._device).synchronize()
        rows: Samples = self._out_host.numpy()
        return rows

    def state_bytes(self) -> int:
        """Count the streaming state, nearly all of it attention caches."""
        return sum(_size(value) for state in self._states for value in vars(state).values())

    def _host_buffers(self) -> None:
        """Pinned where there is a GPU, so that copies need not be staged once more."""
        pin = self._on_gpu
        self._pcm_host = torch.zeros(self.slots, FRAME, pin_memory=pin)
        self._mask_host = torch.zeros(2, self.slots, dtype=torch.bool, pin_memory=pin)
        self._out_host = torch.zeros(self.slots, 1 + self.heads, pin_memory=pin)
        self.pcm = self._pcm_host.numpy()
        self.active, self.reset = self._mask_host.numpy()

    def _device_buffers(self) -> None:
        device = self._device
        self._pcm = torch.zeros(self.slots, 1, FRAME, device=device)
        self._mask = torch.zeros(2, self.slots, dtype=torch.bool, device=device)
        self._text = torch.zeros(self.slots, dtype=torch.long, device=device)
        self._started = torch.zeros(self.slots, dtype=torch.bool, device=device)
        self._out = torch.zeros(self.slots, 1 + self.heads, device=device)
        # Tensors, because a number would be copied from the host in every step.
        self._no_text = torch.full((1, 1), self._lm.text_initial_token_id, device=device)
        self._no_audio = torch.full((1, 1), self._lm.initial_token_id, device=device)
        self._head_weights = head_weights(self._lm) if self.heads else None

    def _share_mask(self) -> list[Any]:
        states = [
            state
            for root in (self._mimi, self._lm)
            for state in root.get_streaming_state().values()
        ]
        for state in states:
            state.exec_mask = self._mask[0]
        return states

    def _run(self, graph: Any, work: Any) -> None:
        if graph is not None:
            graph.replay()
        else:
            work()

    def _forget(self) -> None:
        active = self._mask[0].clone()  # a state's own reset would turn the shared mask on
        reset = self._mask[1]
        for state in self._states:
            state.reset(reset)
        self._started.logical_and_(~reset)
        self._mask[0].copy_(active)

    def _scrub(self) -> None:
        """Zero the caches of slots that begin anew."""
        rows = self._mask[1].nonzero()[:, 0]
        for cache in self._caches:
            cache.index_fill_(1, rows, 0)

    def _advance(self) -> None:
        active = self._mask[0]
        codes = self._mimi.encode(self._pcm)[:, :, 0]
        # The first step of a stream hears start tokens, as in training; its frame is not heard.
        live = (active & self._started)[:, None]
        text = torch.where(live, self._text[:, None], self._no_text)
        audio = torch.where(live, codes, self._no_audio)
        hidden, logits = self._lm.forward_text(torch.cat([text, audio], dim=1)[:, :, None])
        token = logits[:, 0, 0].float().argmax(dim=-1)
        self._text.copy_(torch.where(active, token, self._text))
        self._started.logical_or_(active)
        self._out[:, 0].copy_(token)
        if self._head_weights is not None:
            self._out[:, 1:].copy_(quiet(hidden, self._head_weights, self.heads))

    def _try_capture(self) -> None:
        try:
            with torch.no_grad(), no_cuda_graph(), no_compile():
                self._capture()
            self.mode = "graph"
        except RuntimeError as error:
            if isinstance(error, torch.cuda.OutOfMemoryError):
                raise
            self._graph = self._reset_graph = None
            log.warning("no CUDA graph, every step is slower", error=str(error))

    def _capture(self) -> None:
        self._mask[0].fill_(True)
        side = torch.cuda.Stream(self._device)
        side.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self._advance()
                self._forget()
        torch.cuda.current_stream(self._device).wait_stream(side)
        graph, reset_graph = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._advance()
        with torch.cuda.graph(reset_graph, pool=graph.pool()):
            self._forget()
        self._graph, self._reset_graph = graph, reset_graph


def _size(value: Any) -> int:
    tensor = getattr(value, "cache", value)
    return tensor.numel() * tensor.element_size() if isinstance(tensor, torch.Tensor) else 0


def _write_flags_in_place(mimi: Any) -> None:
    """Let each padded convolution keep the tensor of its state, whose address a graph remembers."""
    for module in mimi.modules():
        if isinstance(module, StreamingConv1d) and module.pad_mode == "replicate":
            module.forward = types.MethodType(_keeping_its_flag(module.forward), module)


def _keeping_its_flag(original: Any) -> Any:
    def forward(module: Any, x: Any) -> Any:
        state = module._streaming_state
        if state is None:
            return original(x)
        first = state.first
        y = original(x)
        first.copy_(state.first)
        state.first = first
        return y

    return forward
