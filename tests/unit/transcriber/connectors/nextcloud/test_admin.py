"""Values of a form, however Nextcloud writes them."""

from typing import Any

import pytest

from transcriber.connectors.nextcloud.admin import plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("local", "local"),
        ("  de ", "de"),
        ('"kyutai"', "kyutai"),
        ('["cards","ibans"]', "cards,ibans"),
        (["cards", "ibans"], "cards,ibans"),
        ({"cards": True, "ibans": False}, "cards"),
        ('{"vtt":true,"md":true}', "vtt,md"),
        (True, "true"),
        (30, "30"),
        ("[not json", "[not json"),
        (None, ""),
        ("", ""),
        ("0a" * 10 + "|" + "1b" * 10 + "|" + "2c" * 10 + "|3", ""),
    ],
)
def test_a_value_becomes_what_a_setting_reads(value: Any, expected: str) -> None:
    assert plain(value) == expected
