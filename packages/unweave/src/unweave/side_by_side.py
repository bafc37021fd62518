"""Runs side by side on a GPU: each as if alone, in its own stream, all recorded as one graph.

A step of one small network leaves most of a GPU idle. A batched model has grouped convolutions,
which are slower on a GPU than its members one by one. So every member computes what it computes
alone, with the same kernels, at the same time as the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from unweave.member_tensors import NotTogetherError, copy_tensors, join, join_means, restore
from unweave.owners import explaining
from unweave.replay import Play, RecordedStep, RecorderOf
from unweave.trainer import Trainer


class SideBySide:
    """Trainers that take their steps at the same time.

    They share a device and log the same terms; each has the result of its run alone.

    Parameters
    ----------
    members
        Trainers without recorders.
    recorder, say
        As in `Trainer`, for the step of all.

    Raises
    ------
    NotTogetherError
        If one draws from torch's global generator, as dropout does: all share this generator, so
        its noise would differ from that of its run alone.
    """

    def __init__(
        self, members: Sequence[Trainer], recorder: RecorderOf, say: Callable[[str], None] = print
    ) -> None:
        self.members = tuple(members)
        for member in self.members:
            _check_own_noise(member)
        self._streams = [_new_stream(member.clock.device) for member in self.members]
        self._forked = self.members[0].forked
        self._clocks = join([member.clock for member in self.members])
        self._means = join_means([member.means for member in self.members])
        obstacle = next(filter(None, [member.fix() for member in self.members]), "")
        generators = [member.generator for member in self.members]
        self._compute = RecordedStep(recorder(generators), obstacle, say)

    def train_step(self) -> None:
        """Do one step of every player of every member."""
        with torch.random.fork_rng(self._forked):
            terms = self._compute(self._prepare)
        self._means.add(terms.view(len(self.members), -1), self._clocks[:, None])
        self._clocks += 1
        for member in self.members:
            member.step += 1

    def _prepare(self) -> Play:
        batches = [member.draw(member.step) for member in self.members]

        def play() -> Tensor:
            terms = []
            for member, stream, own in zip(self.members, self._streams, batches, strict=True):
                with _aside(stream), explaining(f"at step {member.step}"):
                    terms.append(member.play(own, member.move))
            for stream in self._streams:
                if stream is not None:
                    torch.cuda.current_stream(stream.device).wait_stream(stream)
            return torch.cat(terms)

        return play


def _check_own_noise(member: Trainer) -> None:
    """Raise if a step of one member uses the global generator; it makes no updates."""
    tensors = copy_tensors(member)
    with member.reproducible():
        before = _global_states(member)
        member.play(member.draw(member.step), lambda seat, gradients: None)
        used = not all(map(torch.equal, before, _global_states(member)))
    restore(member, tensors)
    if used:
        raise NotTogetherError("a part draws from torch's global generator, which all would share")


def _global_states(member: Trainer) -> list[Tensor]:
    states = [torch.get_rng_state(), *map(torch.cuda.get_rng_state, member.forked)]
    return [state.clone() for state in states]


def _new_stream(device: torch.device) -> torch.cuda.Stream | None:
    if device.type != "cuda":
        return None
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


@contextmanager
def _aside(stream: torch.cuda.Stream | None) -> Iterator[None]:
    """Compute in a stream, after all that was computed so far; without streams, in sequence."""
    if stream is None:
        yield
        return
    stream.wait_stream(torch.cuda.current_stream(stream.device))
    with torch.cuda.stream(stream):
        yield
