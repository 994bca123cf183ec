"""The store of the unit tests keeps the rules of the real ones; which store a URL names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.store import Clock, StoreConformance
from tests.fakes.store import MemoryStore
from transcriber.config import load
from transcriber.errors import Misconfigured
from transcriber.store import Store, open_store


class TestMemory(StoreConformance):
    @pytest.fixture
    def store(self, clock: Clock) -> Store:
        return MemoryStore(clock)


@pytest.mark.parametrize("url", ["", "mysql://x/y", "sqlite:relative.db", "/path"])
def test_no_other_store_is_known(url: str) -> None:
    with pytest.raises(Misconfigured, match="sqlite:///"):
        open_store(url)


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"DATABASE_URL": "postgresql://db/x", "DATA_DIR": "/d"}, "postgresql://db/x"),
        ({"DATA_DIR": "/d", "APP_PERSISTENT_STORAGE": "/nc"}, "sqlite:////d/transcriber.db"),
        ({"APP_PERSISTENT_STORAGE": "/nc"}, "sqlite:////nc/transcriber.db"),
        ({"XDG_DATA_HOME": "/x"}, "sqlite:////x/transcriber/transcriber.db"),
    ],
)
def test_everything_is_kept_where_the_settings_say(environ: dict[str, str], url: str) -> None:
    assert load(environ).store.url == url


def test_by_default_everything_is_kept_in_the_home_of_the_user() -> None:
    folder = load({}).store.folder
    assert folder == Path.home() / ".local/share/transcriber"
