"""The embedded model's files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.engines.stt.moonshine import TOKENS, find, read_tokens
from transcriber.errors import EngineError


def written(tokens: list[bytes]) -> bytes:
    sizes = (len(token) for token in tokens)
    heads = (bytes([n]) if n < 128 else bytes([n % 128 + 128, n // 128]) for n in sizes)
    return b"".join(head + token for head, token in zip(heads, tokens, strict=True))


def test_short_and_long_entries_are_read() -> None:
    tokens = [b"a", b"", b"x" * 127, b"y" * 128, b"z" * 1000] + [b"w"] * (TOKENS - 5)
    assert read_tokens(written(tokens)) == tokens


@given(st.binary(max_size=300))
def test_another_file_is_refused_before_the_native_library_sees_it(garbage: bytes) -> None:
    with pytest.raises(EngineError, match="entries"):
        read_tokens(garbage)


def test_a_cut_vocabulary_is_refused() -> None:
    with pytest.raises(EngineError, match="entries"):
        read_tokens(written([b"ab"] * TOKENS)[:-1])


def test_an_empty_folder_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no encoder_model.ort.*LOCAL_MODEL_DIR") as refusal:
        find(tmp_path)
    assert not refusal.value.retryable


def test_a_file_that_was_changed_is_named(tmp_path: Path) -> None:
    for name in ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin"):
        (tmp_path / name).write_bytes(b"tampered")
    with pytest.raises(EngineError, match=r"another encoder_model.ort"):
        find(tmp_path)
