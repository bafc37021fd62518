"""Checks of an objective's gradients, random numbers and state, while its rounds are played."""

from __future__ import annotations

from typing import Any

from unweave_testing.plays import Build, parameters_of
from unweave_testing.torch_modules import plain_tensors, seeds

RATE = 1e-5
"""Learning rate: so small that nothing overflows, so large that float32 weights change."""
STEPS = 3


def check_no_grad(build: Build, factory: Any) -> None:
    """Refuse gradients in `.grad` and changes of `requires_grad`."""
    stage = build(factory)
    before = {name: p.requires_grad for name, p in stage.parameters()}
    for _ in stage.rounds():
        pass
    names = [name for name, p in stage.parameters() if p.grad is not None]
    assert not names, (
        f"losses(...) leaves a gradient in .grad of {', '.join(names)}; do not call backward(), "
        "since the trainer computes the gradients"
    )
    names = [name for name, p in stage.parameters() if p.requires_grad != before[name]]
    assert not names, (
        f"losses(...) changes requires_grad of {', '.join(names)}; instead, detach the tensors "
        "that must get no gradient"
    )


def check_evaluation(build: Build, factory: Any) -> None:
    """Refuse an objective whose state changes in eval mode."""
    import torch

    stage = build(factory).eval()
    before = {name: value.clone() for name, value in stage.state().items()}
    stage.values(size=2)
    names = [n for n, value in stage.state().items() if not torch.equal(value, before[n])]
    assert not names, (
        f"in eval mode losses(...) changes {', '.join(names)}, so that an evaluation of held-out "
        "images would change the run; change state only if self.training is True"
    )


def _differences(first: dict[str, Any], other: dict[str, Any]) -> str:
    """Join the names of the values in which two plays differ; "" if they are equal."""
    import torch

    names = [
        name for name in first if name not in other or not torch.equal(first[name], other[name])
    ]
    return " and ".join(names)


def check_generator(build: Build, factory: Any) -> None:
    """Refuse random numbers in eval mode from other sources than the batches' generator."""
    values = []
    for seed in (1, 2):
        with seeds(seed, seed):
            values.append(build(factory).eval().values())
    names = _differences(*values)
    assert not names, (
        f"in eval mode, two calls under one seed of batches.generator differ in {names}; draw from "
        "batches.generator alone"
    )


def check_dropout(build: Build, factory: Any) -> None:
    """Refuse random numbers in training mode that do not come from torch."""
    values = []
    for others in (1, 2):
        with seeds(0, others):
            values.append(build(factory).values())
    names = _differences(*values)
    assert not names, (
        "in training mode, two calls under one seed of torch's global generator differ in "
        f"{names}; draw from torch, which unweave seeds at every step"
    )


def check_graphs(build: Build, factory: Any) -> None:
    """Play two steps as the trainer does: after a round, its graph is freed and weights move."""
    import torch

    stage = build(factory)
    for step in range(2):
        for number, players, losses, _ in stage.rounds(step, seed=step):
            updates = []
            for player in players:
                try:
                    gradients = torch.autograd.grad(
                        losses[player.name], parameters_of(player), allow_unused=True,
                        retain_graph=player is not players[-1],
                    )  # fmt: skip
                except RuntimeError as error:
                    if "second time" not in str(error) and "inplace" not in str(error):
                        raise
                    raise AssertionError(
                        f"the loss of player {player.name!r} in round {number} of step {step} "
                        "needs the autograd graph of an earlier round, which is freed by then; "
                        "compute the tensor again, as in "
                        "batches.model.encode(batches.first.x), or detach it"
                    ) from error
                updates.append((player, gradients))
            for player, gradients in updates:
                _move(player, gradients)


def _move(player: Any, gradients: tuple[Any, ...]) -> None:
    import torch

    with torch.no_grad():
        for parameter, gradient in zip(parameters_of(player), gradients, strict=True):
            if gradient is not None:
                parameter.sub_(RATE * gradient)


def check_state(build: Build, factory: Any) -> None:
    """Refuse tensors that no checkpoint holds, and parameters of the model in the objective."""
    one = build(factory)
    missing = [name for name, _ in plain_tensors(one.objective)]
    assert not missing, (
        f"the tensors {', '.join(missing)} are plain attributes, which no checkpoint holds and "
        ".to(device) does not move; use register_buffer, or a Parameter"
    )
    model = {id(p) for p in one.parts.model.parameters()}
    twice = [name for name, p in one.objective.named_parameters() if id(p) in model]
    assert not twice, (
        f"the objective registers {twice[0]} of the model, which a checkpoint would hold twice; "
        "take it from batches.model, or keep it in a tuple"
    )
    ids = {id(m) for part in (one.parts.model, one.objective) for m in part.modules()}
    for player in (player for players in one.objective.rounds for player in players):
        for module in player.modules:
            assert id(module) in ids, (
                f"player {player.name!r} trains a {type(module).__name__} that no checkpoint "
                "holds; keep it as an attribute of the objective"
            )
    other = build(factory, seed=1)
    other.load(one)
    values = []
    for stage in (one, other):
        with seeds(0):
            values.append(stage.eval().values())
    names = _differences(*values)
    assert not names, (
        f"a new objective with the saved state_dict differs in {names}; keep all state in buffers "
        "and parameters"
    )


def check_resume(build: Build, factory: Any) -> None:
    """Play three steps, load the state into a new objective, and compare the next step."""
    import torch

    one = build(factory)
    for step in range(STEPS):
        updates = []
        with seeds(step):
            for _, players, losses, _ in one.rounds(step, seed=step):
                for player in players:
                    gradients = torch.autograd.grad(
                        losses[player.name],
                        parameters_of(player),
                        retain_graph=True,
                        allow_unused=True,
                    )
                    updates.append((player, gradients))
        for player, gradients in updates:
            _move(player, gradients)
    other = build(factory, seed=1)
    other.load(one)
    values = []
    for stage in (one, other):
        with seeds(STEPS):
            values.append(stage.values(STEPS, seed=STEPS))
    names = _differences(*values)
    assert not names, (
        f"after {STEPS} steps, a new objective with the state of the old one differs in {names}; "
        "keep what changes in training in buffers or parameters, or compute it from the clock"
    )
