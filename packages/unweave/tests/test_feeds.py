import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from unweave.batches import BatchIndices, check_batch_size, open_feed
from unweave.errors import ConfigError

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)


class Stored:
    """Images in memory, of 8 bits or 1."""

    def __init__(self, bits=8, n=40):
        self.bits, self.image_shape = bits, (5, 3, 2)
        self.pixels = RNG.integers(0, 256, (n, 5, 3, 2), dtype=np.uint8)
        if bits == 1:
            self.pixels = (self.pixels > 99).astype(np.uint8) * np.uint8(255)

    def __len__(self):
        return len(self.pixels)

    def images(self, index):
        return self.pixels[index]

    def stored(self, progress=None):
        if self.bits == 1:
            return np.packbits(self.pixels.reshape(len(self), -1) > 0, axis=1)
        return self.pixels


class OnDisk(Stored):
    """Images that take some time to read; keeps who read what."""

    def __init__(self):
        super().__init__()
        self.reads = []

    def images(self, index):
        self.reads.append((threading.current_thread(), index.tolist()))
        return super().images(index)

    def stored(self, progress=None):
        return None


class Dimmed(Stored):
    """A view that multiplies each channel by its own noise, and a constant."""

    noise_shape = (2,)

    def __init__(self, frames):
        super().__init__()
        self.frames = frames
        self.constants = (np.array([0.5, 1.0], np.float32),)

    def uniform(self, index):
        return np.stack([index / 64, index / 128], axis=1).astype(np.float32)

    def view(self, frames, uniform, constants, xp):
        return xp.clip(frames * uniform[:, None, None, :] * constants[0], 0, 1)

    def stored(self, progress=None):
        return None


def expected(data, index):
    return torch.from_numpy(data.pixels[index.numpy()]).permute(0, 3, 1, 2).float() / 255


@pytest.mark.parametrize("bits", [1, 8])
def test_images_from_memory(bits):
    data = Stored(bits)
    index = torch.tensor([7, 0, 7, 39])
    assert torch.equal(open_feed(data, CPU)(index), expected(data, index))


@pytest.mark.parametrize("announced", ["nothing", "all", "others", "late", "twice"])
def test_reading_ahead_changes_no_image(announced):
    data = OnDisk()
    order = BatchIndices(40, 6, 3, "codes", CPU)
    batches = [order(step) for step in range(20)]
    feed = open_feed(data, CPU)
    for step, index in enumerate(batches):
        ahead = {
            "nothing": [],
            "all": batches[step + 1 : step + 4],
            "others": [order(step + 50)],
            "late": batches[max(0, step - 1) : step],
            "twice": [index, index, *batches[step + 1 : step + 2]],
        }[announced]
        for other in ahead:
            feed.announce(other)
        assert torch.equal(feed(index), expected(data, index))


def test_announced_images_are_read_by_another_thread_in_their_order():
    data = OnDisk()
    feed = open_feed(data, CPU)
    batches = [torch.tensor([i, i + 1]) for i in range(9)]
    for index in batches:
        feed.announce(index)
    for index in reversed(batches):
        feed(index)
    assert [index for _, index in data.reads] == [index.tolist() for index in batches]
    assert {thread for thread, _ in data.reads}.isdisjoint({threading.main_thread()})


def test_what_was_announced_is_forgotten_once_it_is_given():
    data = OnDisk()
    feed = open_feed(data, CPU)
    index = torch.tensor([3, 4])
    feed.announce(index)
    first = feed(index)
    data.pixels = data.pixels[::-1].copy()
    assert not torch.equal(feed(index), first)


def test_an_error_of_the_reading_thread_is_raised_where_the_images_are_asked_for():
    data = OnDisk()
    feed = open_feed(data, CPU)
    feed.announce(torch.tensor([1000]))
    with pytest.raises(IndexError):
        feed(torch.tensor([1000]))


@pytest.mark.parametrize("frames", [Stored(1), Stored(8), OnDisk()], ids=["bits", "bytes", "disk"])
def test_a_view_is_drawn_from_frames_and_noise(frames):
    data = Dimmed(frames)
    index = torch.tensor([5, 0, 21])
    feed = open_feed(data, CPU)
    generator = torch.Generator().manual_seed(9)
    noise = torch.rand((3, 2), generator=torch.Generator().manual_seed(9))
    weight = noise * torch.tensor([0.5, 1.0])
    feed.announce(index)
    found = feed(index, generator)
    assert torch.equal(found, expected(frames, index) * weight[:, :, None, None])
    assert not torch.equal(found, feed(index, generator))


def test_without_a_generator_the_noise_is_a_function_of_the_index():
    data = Dimmed(Stored())
    index = torch.tensor([5, 0, 21])
    found = open_feed(data, CPU)(index)
    noise = torch.from_numpy(data.uniform(index.numpy())) * torch.tensor([0.5, 1.0])
    assert torch.equal(found, expected(data.frames, index) * noise[:, :, None, None])
    flipped = open_feed(data, CPU)(index.flip(0))
    assert torch.equal(flipped.flip(0), found)


def test_asking_for_a_feed_asks_for_no_factors():
    data = Stored()
    guarded = SimpleNamespace(bits=8, image_shape=data.image_shape, stored=data.stored)
    open_feed(guarded, CPU)(torch.tensor([0]))


def test_a_batch_that_is_too_large_is_offered_as_large_as_it_may_be():
    with pytest.raises(ConfigError, match="set batch_size=150"):
        check_batch_size(150, 256)
