"""Checks of objectives that compare two plays: what is drawn, kept, resumed and left behind."""

from __future__ import annotations

from typing import Any

from unweave_testing.playing import Build, trained
from unweave_testing.torch_modules import plain_tensors, seeded

RATE = 1e-5
"""A step small enough that nothing overflows, large enough that float32 weights change."""
STEPS = 3


def check_no_grad(stage: Build, factory: Any) -> None:
    """Refuse gradients that are left behind, and parameters that were frozen or freed."""
    played = stage(factory)
    before = {name: p.requires_grad for name, p in played.parameters()}
    for _ in played.rounds():
        pass
    names = [name for name, p in played.parameters() if p.grad is not None]
    assert not names, (
        f"a gradient is left in .grad of {', '.join(names)}: the trainer differentiates, so call "
        "no backward()"
    )
    changed = [name for name, p in played.parameters() if p.requires_grad != before[name]]
    assert not changed, (
        f"requires_grad of {', '.join(changed)} is changed; detach what a loss must not reach"
    )


def check_evaluation(stage: Build, factory: Any) -> None:
    """Refuse an objective that remembers something of a look in eval mode."""
    import torch

    played = stage(factory).eval()
    before = {name: value.clone() for name, value in played.state().items()}
    played.values(size=2)
    changed = [n for n, value in played.state().items() if not torch.equal(value, before[n])]
    assert not changed, (
        f"in eval mode losses(...) changes {', '.join(changed)}, so that a look at held-out images "
        "would change the run; ask self.training"
    )


def _differing(first: dict[str, Any], other: dict[str, Any]) -> str:
    """Name what differs between the values of two plays, or give ""."""
    import torch

    names = [
        name for name in first if name not in other or not torch.equal(first[name], other[name])
    ]
    return " and ".join(names)


def check_generator(stage: Build, factory: Any) -> None:
    """Refuse values in eval mode that depend on another source than the batches' generator."""
    values = []
    for seed in (1, 2):
        with seeded(seed, seed):
            values.append(stage(factory).eval().values())
    names = _differing(*values)
    assert not names, (
        f"under one seed of batches.generator, {names} differs between two calls; draw from "
        "batches.generator alone"
    )


def check_dropout(stage: Build, factory: Any) -> None:
    """Refuse noise of training mode that is not a function of torch's global seed."""
    values = []
    for others in (1, 2):
        with seeded(0, others):
            values.append(stage(factory).values())
    names = _differing(*values)
    assert not names, (
        f"in training mode, under one seed of torch's global generator, {names} differs between "
        "two calls; draw from torch, which unweave seeds at every step"
    )


def check_graphs(stage: Build, factory: Any) -> None:
    """Play two steps as the trainer does: graphs end with their round, and weights move."""
    import torch

    played = stage(factory)
    for step in range(2):
        for number, players, losses, _ in played.rounds(step, seed=step):
            updates = []
            for player in players:
                try:
                    gradients = torch.autograd.grad(
                        losses[player.name], trained(player), allow_unused=True,
                        retain_graph=player is not players[-1],
                    )  # fmt: skip
                except RuntimeError as error:
                    if "second time" not in str(error) and "inplace" not in str(error):
                        raise
                    raise AssertionError(
                        f"the loss of player {player.name!r} in round {number} of step {step} "
                        "needs a graph of an earlier round, which is used up; make it again, as in "
                        "batches.model.encode(batches.first.x), or detach it"
                    ) from error
                updates.append((player, gradients))
            for player, gradients in updates:
                _move(player, gradients)


def _move(player: Any, gradients: tuple[Any, ...]) -> None:
    import torch

    with torch.no_grad():
        for parameter, gradient in zip(trained(player), gradients, strict=True):
            if gradient is not None:
                parameter.sub_(RATE * gradient)


def check_state(stage: Build, factory: Any) -> None:
    """Refuse tensors that no checkpoint holds, and a model that is saved a second time."""
    one = stage(factory)
    lost = [name for name, _ in plain_tensors(one.objective)]
    assert not lost, (
        f"the tensors {', '.join(lost)} are plain attributes, which no checkpoint holds and no "
        "device gets; use register_buffer, or a Parameter"
    )
    model = {id(p) for p in one.parts.model.parameters()}
    twice = [name for name, p in one.objective.named_parameters() if id(p) in model]
    assert not twice, (
        f"the objective holds {twice[0]} of the model, which is saved already; take it from "
        "batches.model, or keep it in a tuple"
    )
    saved = {id(m) for part in (one.parts.model, one.objective) for m in part.modules()}
    for player in (player for players in one.objective.rounds for player in players):
        for module in player.modules:
            assert id(module) in saved, (
                f"player {player.name!r} trains a {type(module).__name__} that no checkpoint "
                "holds; keep it as an attribute of the objective"
            )
    other = stage(factory, seed=1)
    other.load(one)
    values = []
    for played in (one, other):
        with seeded(0):
            values.append(played.eval().values())
    names = _differing(*values)
    assert not names, f"{names} differs after state_dict was saved and loaded into a new objective"


def check_resume(stage: Build, factory: Any) -> None:
    """Play some steps, go on with a new objective from the state, and compare one more step."""
    import torch

    one = stage(factory)
    for step in range(STEPS):
        updates = []
        with seeded(step):
            for _, players, losses, _ in one.rounds(step, seed=step):
                for player in players:
                    gradients = torch.autograd.grad(
                        losses[player.name], trained(player), retain_graph=True, allow_unused=True
                    )
                    updates.append((player, gradients))
        for player, gradients in updates:
            _move(player, gradients)
    other = stage(factory, seed=1)
    other.load(one)
    values = []
    for played in (one, other):
        with seeded(STEPS):
            values.append(played.values(STEPS, seed=STEPS))
    names = _differing(*values)
    assert not names, (
        f"{names} differs between an objective after {STEPS} steps and a new one with its state; "
        "what changes in training must be in buffers or parameters, or follow from the clock"
    )
