"""Features of real images: kept between commands, and taken only where they are the right ones."""

import os

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch import nn

from unweave.scores import feature_cache, frechet

CPU = torch.device("cpu")
BATCHES = 8
"""Of 60 images, eight at a time."""
IMAGES = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8)


class Network(nn.Module):
    """Three features of an image, and a count of the batches that were looked at."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.linear = nn.Linear(3 * 8 * 8, 3)
        self.batches = 0

    def forward(self, x):
        self.batches += 1
        return self.linear(x.flatten(1))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path / "cache"))
    frechet._last_real.clear()
    return tmp_path / "cache" / "features"


def features(network, images=IMAGES):
    """Ask as a new command does: nothing is known to the process."""
    frechet._last_real.clear()
    return frechet._features_of_real(network, images, CPU, None)


def plain(network, images=IMAGES):
    x = torch.from_numpy(images).float().permute(0, 3, 1, 2).expand(-1, 3, -1, -1) / 255
    return network.linear(x.flatten(1)).detach().numpy()


def test_features_are_computed_once(folder):
    network = Network()
    first = features(network)
    np.testing.assert_allclose(first, plain(network), atol=1e-6)
    assert network.batches == BATCHES
    np.testing.assert_array_equal(features(network), first)
    assert network.batches == BATCHES


def test_other_images_weights_and_versions_have_features_of_their_own(folder, monkeypatch):
    network, other = Network(), Network(seed=1)
    features(network)
    changed = IMAGES.copy()
    changed[7, 3, 3] ^= 1
    for asked in ((network, changed), (other, IMAGES), (network, IMAGES[:59])):
        np.testing.assert_allclose(features(*asked), plain(*asked), atol=1e-6)
    before = network.batches
    monkeypatch.setattr(frechet, "VERSION", 2)
    features(network)
    assert network.batches == before + BATCHES
    assert len(list(folder.iterdir())) == 5


@pytest.mark.parametrize("damage", ["cut", "text", "rows", "nan", "type", "name", "folder"])
def test_a_damaged_file_is_computed_anew(folder, damage):
    network = Network()
    right = features(network)
    (path,) = folder.iterdir()
    bad = {
        "rows": {"features": right[:-1]},
        "nan": {"features": np.where(right == right[0], np.float32("nan"), right)},
        "type": {"features": right.astype(np.float64)},
        "name": {"other": right},
    }
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    elif damage == "text":
        path.write_text("no features")
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        save_file(bad[damage], path)
    np.testing.assert_array_equal(features(network), right)
    assert network.batches == 2 * BATCHES
    if damage != "folder":
        assert features(network) is not None
        assert network.batches == 2 * BATCHES


def test_nothing_is_kept_where_that_is_not_wanted_or_not_possible(tmp_path, monkeypatch):
    network = Network()
    monkeypatch.setenv("UNWEAVE_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    features(network)
    features(network)
    assert network.batches == 2 * BATCHES
    assert not (tmp_path / "caches").exists()
    monkeypatch.delenv("UNWEAVE_CACHE")
    features(network)
    assert list((tmp_path / "caches" / "unweave" / "features").iterdir())
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path / "file"))
    np.testing.assert_allclose(features(network), plain(network), atol=1e-6)


def test_what_was_not_used_for_longest_makes_room(folder, monkeypatch):
    made = np.zeros((60, 3), np.float32)
    for age, key in enumerate("abc"):
        feature_cache.save_features(key, made)
        os.utime(folder / f"{key}.safetensors", (1000 + age, 1000 + age))
    size = (folder / "a.safetensors").stat().st_size
    assert feature_cache.read_features("a", 60) is not None  # used just now
    monkeypatch.setattr(feature_cache, "LARGEST", 3 * size)
    feature_cache.save_features("d", made)
    assert {path.stem for path in folder.iterdir()} == {"a", "c", "d"}
