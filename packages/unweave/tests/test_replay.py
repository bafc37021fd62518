"""Recorded steps, on a recorder for the processor that keeps the rules of a CUDA graph.

`Tape` records the operations of one step with the memory that they read and wrote. A replay runs
these operations on that memory and nothing else: no line of Python of the step. Whatever a step
decides in Python, or leaves in memory of its own, is as wrong on the tape as it is in a graph; and
like a graph the tape does not let the host wait for a value.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from unweave.config import make_config
from unweave.data_set import build_dataset
from unweave.registry import registry
from unweave.replay import WARM_UP, RecordedStep
from unweave.trainer import Trainer
from unweave.trainer_setup import labels_on, load_data, prepare

# vmap imports what torch itself calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning")

STEPS = WARM_UP + 6
CASES = {
    "toy-vae": {"method": "toy-vae"},
    "convolutions": {"method": "toy-vae", "architecture": "conv64:width=0.25"},
    "batch-norm": {"method": "toy-vae", "architecture": "wae64:width=0.25"},
    "schedules": {
        "method": "toy-vae", "beta": "steps(3, 4: .5, 6: .1)",
        "learning_rate": "cosine(1e-3, 1e-4, 8)", "clip_norm": 1.0,
    },
    "bfloat16": {"method": "toy-vae", "precision": "bfloat16"},
    "bits": {"method": "toy-vae", "data": "toy-images:bits=1"},
    "classifier": {"method": "toy-vae", "classifier": "joint:factor=1"},
}  # fmt: skip


class Tape:
    """Records operations on the processor."""

    def __init__(self, generators):
        self.operations, self.output, self.obstacle, self.replays = [], None, "", 0

    def warm(self, play):
        return play()

    def record(self, play):
        with Recording(self.operations):
            self.output = play()
        return self.output

    @torch.no_grad()
    def replay(self):
        self.replays += 1
        for function, args, kwargs, results in self.operations:
            if is_view(function):
                continue
            again = function(*args, **kwargs)
            if not function._schema.is_mutable:
                for place, tensor in zip(tensors_of(results), tensors_of(again), strict=True):
                    place.copy_(tensor)
        return self.output


class Recording(TorchDispatchMode):
    def __init__(self, operations):
        super().__init__()
        self.operations = operations

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("the host waits for a value")
        result = function(*args, **(kwargs or {}))
        self.operations.append((function, args, kwargs or {}, result))
        return result


def is_view(function):
    """Whether the results are the memory of an argument, which is not written."""
    returns = function._schema.returns
    return any(r.alias_info is not None and not r.alias_info.is_write for r in returns)


def tensors_of(results):
    results = results if isinstance(results, tuple | list) else (results,)
    return [result for result in results if isinstance(result, torch.Tensor)]


def trainer_of(settings, recorder=None, say=print, **changes):
    config = make_config(registry(), {**settings, **changes})
    device = torch.device("cpu")
    dataset = build_dataset(registry(), config.data)
    assembly = prepare(registry(), config, dataset, None)
    return Trainer(
        assembly, load_data(assembly, dataset, device, Quiet()), len(dataset), config, device,
        labels_on(dataset, device), recorder=recorder, say=say,
    )  # fmt: skip


class Quiet:
    def say(self, text):
        pass

    def loading(self, count, total):
        pass


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


@pytest.mark.parametrize("case", CASES)
def test_a_replayed_run_equals_a_plain_one_bit_for_bit(settings, case):
    said: list[str] = []
    plain = trainer_of(settings, **CASES[case])
    taped = trainer_of(settings, Tape, said.append, **CASES[case])
    for _ in range(STEPS):
        plain.train_step()
        taped.train_step()
    assert said == []
    assert taped._compute.recorded
    assert taped._compute._recorder.replays == STEPS - WARM_UP - 1
    assert_equal(plain.state(), taped.state())


def test_a_run_goes_on_from_a_checkpoint_into_a_replay(settings):
    whole = trainer_of(settings, method="toy-vae")
    for _ in range(20):
        whole.train_step()
    first = trainer_of(settings, Tape, method="toy-vae")
    for _ in range(7):
        first.train_step()
    stored = {name: tensor.detach().clone() for name, tensor in first.state().items()}
    second = trainer_of(settings, Tape, method="toy-vae")
    second.load_state(7, stored)
    for _ in range(13):
        second.train_step()
    assert second._compute.recorded
    assert_equal(whole.state(), second.state())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"method": "toy-gan"}, "the host waits for a value"),
        ({"method": "toy-vae", "optimizer": "sgd"}, "optimizer SGD has no capturable form"),
        (
            {"method": "toy-vae", "optimizer": "rmsprop", "learning_rate": "linear(1e-3, 0, 9)"},
            "optimizer RMSprop takes no learning rate that is a tensor",
        ),
    ],
)
def test_what_cannot_be_recorded_is_computed_as_it_is_and_said_once(settings, changes, why):
    said: list[str] = []
    plain = trainer_of(settings, **changes)
    taped = trainer_of(settings, Tape, said.append, **changes)
    for step in range(STEPS):
        plain.train_step()
        if step < WARM_UP or "waits" not in why:
            taped.train_step()
    if "waits" in why:  # unlike a graph, the tape has computed half of the step by then
        taped.train_step()
        assert not taped._compute.recorded
    else:
        assert_equal(plain.state(), taped.state())
    (line,) = said
    assert line.startswith("the step is not recorded as a CUDA graph, but launched piece by piece")
    assert why in line


def test_an_obstacle_that_is_seen_in_the_warm_up_ends_the_attempt():
    said: list[str] = []

    class Waiting(Tape):
        def warm(self, play):
            self.obstacle = "it waits for the device"
            return play()

    replayed = RecordedStep(Waiting([]), "", said.append)
    given = [replayed(lambda: lambda: torch.ones(1)) for _ in range(6)]
    assert len(said) == 1
    assert "it waits for the device" in said[0]
    assert not replayed.recorded
    assert len(given) == 6


def test_a_first_step_that_waits_is_no_obstacle():
    """It makes optimizers and moments, which later steps find there."""

    class WaitingOnce(Tape):
        def warm(self, play):
            self.obstacle = "" if self.warmed else "it waits for the device"
            self.warmed = True
            return play()

        warmed = False

    said: list[str] = []
    replayed = RecordedStep(WaitingOnce([]), "", said.append)
    for _ in range(WARM_UP + 1):
        replayed(lambda: lambda: torch.ones(1))
    assert said == []
    assert replayed.recorded


def test_a_step_that_decides_in_python_is_seen_by_the_tape():
    """The tape can tell: a number of Python is recorded as it was."""
    count = iter(range(100))
    replayed = RecordedStep(Tape([]), "", print)
    given = [float(replayed(lambda: lambda: torch.zeros(1) + next(count))) for _ in range(6)]
    assert given == [0, 1, 2, 3, 3, 3]
