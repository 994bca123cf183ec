"""Where a signaling server listens."""

import pytest

from hpb.wire import endpoint


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://hpb.example", "wss://hpb.example/spreed"),
        ("https://hpb.example/", "wss://hpb.example/spreed"),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/spreed"),
        (
            "wss://hpb.example/standalone-signaling/",
            "wss://hpb.example/standalone-signaling/spreed",
        ),
        ("ws://hpb.example/spreed", "ws://hpb.example/spreed"),
        (" hpb.example/spreed/ ", "wss://hpb.example/spreed"),
        ("HTTPS://hpb.example", "wss://hpb.example/spreed"),
    ],
)
def test_an_address_may_be_written_in_many_ways(written: str, meant: str) -> None:
    assert endpoint(written) == meant
