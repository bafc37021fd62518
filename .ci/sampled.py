"""A pytest plugin: of each test that runs for many values, a third of the values."""

from __future__ import annotations

import zlib
from itertools import groupby

import pytest

EVERY = 3


def whole(item: pytest.Item) -> str:
    """Return the name of a test without its value."""
    return item.nodeid.partition("[")[0]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep one in EVERY values of each test, always the same ones, and one at least."""
    kept = []
    for _, group in groupby(items, whole):
        cases = sorted(group, key=lambda item: zlib.crc32(item.nodeid.encode()))
        kept += cases[: -(-len(cases) // EVERY)]
    names = {item.nodeid for item in kept}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in names])
    items[:] = [item for item in items if item.nodeid in names]
