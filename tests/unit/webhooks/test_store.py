"""The store of the unit tests keeps the rules of the real ones."""

from __future__ import annotations

import pytest

from tests.unit.webhooks.conformance import StoreConformance
from tests.unit.webhooks.memory import MemoryStore
from webhooks.store import Store


class TestMemory(StoreConformance):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()
