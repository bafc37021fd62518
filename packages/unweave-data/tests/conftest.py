"""Where the tests find real data, and small files of real formats."""

import os
from pathlib import Path

import pytest


def _shared_data():
    if "UNWEAVE_SHARED" in os.environ:
        return Path(os.environ["UNWEAVE_SHARED"]) / "data"
    found = (folder.parent / "shared" / "data" for folder in Path(__file__).resolve().parents)
    return next((folder for folder in found if folder.is_dir()), None)


@pytest.fixture(scope="session")
def shared_data():
    folder = _shared_data()
    if folder is not None and folder.is_dir():
        return folder
    reason = "no real data: neither UNWEAVE_SHARED nor a folder `shared` beside the repository"
    if os.environ.get("UNWEAVE_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    return pytest.skip(reason)


@pytest.fixture(autouse=True)
def _no_data_directory(monkeypatch):
    monkeypatch.delenv("UNWEAVE_DATA", raising=False)


@pytest.fixture
def complaint():
    """Call something that must raise a DataError; give its message, which is one sentence."""
    from unweave_data import DataError

    def call(function, *args, **options):
        with pytest.raises(DataError) as caught:
            function(*args, **options)
        message = str(caught.value)
        assert "\n" not in message
        assert caught.value.__suppress_context__ or caught.value.__cause__ is None
        return message

    return call
