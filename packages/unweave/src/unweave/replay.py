"""A step that is recorded once and then replayed: on a GPU, as a CUDA graph.

A step of a small network is many small kernels, and launching them takes longer than computing
them. A recorded step is launched as a whole. It reads and writes the same memory every time, so
all that changes between steps is in fixed tensors, which are filled before: the clock, the indices
of the batch, and the seeds of the generators.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from unweave.errors import UnweaveError, describe

WARM_UP = 3
"""Steps before one is recorded: the first ones make the optimizer's moments and choose kernels."""
SWITCH = "UNWEAVE_CUDA_GRAPH"
"""Environment variable; if it is 0, steps are not recorded."""

Play = Callable[[], Tensor]
Prepare = Callable[[], Play]
"""Does the work of the host for a step, and returns the function that computes the step."""


class Recorder(Protocol):
    """Records the computations of a device, and replays them."""

    obstacle: str

    def warm(self, play: Play) -> Tensor:
        """Compute as usual; add to `obstacle` what cannot be recorded, if anything."""
        ...

    def record(self, play: Play) -> Tensor:
        """Compute once and record it; return the result, which every replay fills anew."""
        ...

    def replay(self) -> Tensor:
        """Compute it again."""
        ...


RecorderOf = Callable[[Sequence[torch.Generator]], Recorder]
"""Makes a recorder of computations that draw from these generators."""


class CudaGraph:
    """Records a step as a CUDA graph.

    Parameters
    ----------
    generators
        Generators whose seeds every replay reads anew.
    """

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self._generators = generators
        device = generators[0].device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._graph = torch.cuda.CUDAGraph()
        self._output: Tensor | None = None
        self.obstacle = ""

    def warm(self, play: Play) -> Tensor:
        """Compute in the stream that will record, and look for waits for the device."""
        before = torch.cuda.get_sync_debug_mode()
        self._stream.wait_stream(torch.cuda.current_stream())
        with warnings.catch_warnings(record=True) as messages, torch.cuda.stream(self._stream):
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                output = play()
            finally:
                torch.cuda.set_sync_debug_mode(before)
        torch.cuda.current_stream().wait_stream(self._stream)
        self.obstacle = ""
        for one in messages:
            if "synchronizing CUDA operation" in str(one.message):
                place = f"{Path(one.filename).name}, line {one.lineno}"
                self.obstacle = f"it waits for the device ({place})"
        return output

    def record(self, play: Play) -> Tensor:
        """Record, then compute what was recorded."""
        for generator in self._generators:
            self._graph.register_generator_state(generator)
        with torch.cuda.graph(self._graph, stream=self._stream):
            self._output = play()
        return self.replay()

    def replay(self) -> Tensor:
        """Launch the graph."""
        self._graph.replay()
        assert self._output is not None
        return self._output


class RecordedStep:
    """Computes steps: the first ones directly, then one that is recorded, then by replay.

    A step that cannot be recorded is computed directly, and one sentence says why.

    Parameters
    ----------
    recorder
        Recorder of the device.
    obstacle
        Why the step cannot be recorded, if that is known before.
    say
        Shows a line.
    """

    def __init__(self, recorder: Recorder, obstacle: str, say: Callable[[str], None]) -> None:
        self._recorder, self._say = recorder, say
        self._steps, self.recorded = 0, False
        self._recording = not obstacle
        if obstacle:
            self._give_up(obstacle)

    def __call__(self, prepare: Prepare) -> Tensor:
        """Do one step."""
        play = prepare()
        if self.recorded:
            return self._recorder.replay()
        if not self._recording:
            return play()
        self._steps += 1
        if self._steps <= WARM_UP:
            output = self._recorder.warm(play)
            # The first step may wait: it makes what is made once.
            if self._steps == WARM_UP and self._recorder.obstacle:
                self._give_up(self._recorder.obstacle)
            return output
        return self._record(prepare, play)

    def _record(self, prepare: Prepare, play: Play) -> Tensor:
        try:
            output = self._recorder.record(play)
        except UnweaveError:
            raise
        except Exception as error:
            # Nothing was computed: the kernels of a step that is recorded wait for its replay. But
            # noise was drawn, and graphs of what is lazy were used up.
            self._give_up(describe(error))
            return prepare()()
        self.recorded = True
        return output

    def _give_up(self, why: str) -> None:
        self._recording = False
        self._say(f"the step is not recorded as a CUDA graph, but launched piece by piece: {why}")


def at_once(prepare: Prepare) -> Tensor:
    """Compute a step directly, without a recording."""
    return prepare()()


def recorder_for(device: torch.device) -> RecorderOf | None:
    """Return the recorder of a device, or None if it has none or recording is switched off."""
    return CudaGraph if device.type == "cuda" and os.environ.get(SWITCH) != "0" else None


class FixedIndices:
    """Indices of a batch in one fixed tensor, which is filled before each step."""

    def __init__(self, order: Callable[[int], Tensor], batch: int, device: torch.device) -> None:
        self._order, self._step = order, -1
        self._place = torch.zeros(batch, dtype=torch.int64, device=device)

    def fill(self, step: int) -> None:
        """Put the indices of a step into the tensor."""
        self._place.copy_(self._order(step))
        self._step = step

    def __call__(self, step: int) -> Tensor:
        """Return the tensor if it is filled for this step, else new indices."""
        return self._place if step == self._step else self._order(step)


def make_capturable(optimizer: Optimizer, constant: bool) -> str:
    """Let an optimizer keep its count of steps on the device; return the obstacle, if any.

    Parameters
    ----------
    constant
        Whether its learning rate never changes.
    """
    for group in optimizer.param_groups:
        if "capturable" not in group:
            return f"optimizer {type(optimizer).__name__} has no capturable form"
        if not (constant or isinstance(group["lr"], Tensor)):
            return f"optimizer {type(optimizer).__name__} takes no learning rate that is a tensor"
        group["capturable"] = True
    return ""
