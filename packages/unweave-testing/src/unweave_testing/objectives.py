"""Checks that every objective must pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from unweave_testing import plays, replays
from unweave_testing.check import Check, NotApplicable
from unweave_testing.torch_modules import seeds

KINDS = ("architecture", "optimizer")


@dataclass(frozen=True)
class _Facts:
    """The author's statements about the objective."""

    image_shape: tuple[int, int, int]
    dim: int
    labels: tuple[int, ...]
    terms: bool
    names: Mapping[str, Collection[str]] | None

    def stage(self, factory: Any, seed: int = 0) -> plays.Stage:
        """Build the parts and the objective with first weights from a seed."""
        return plays.build(factory, self.image_shape, self.dim, self.labels, self.terms, seed)


def objective_checks(
    *,
    image_shape: tuple[int, int, int] = (16, 16, 1),
    dim: int = 5,
    labels: tuple[int, ...] = (3, 4),
    terms: bool = True,
    known: Mapping[str, Collection[str]] | None = None,
) -> list[Check]:
    """List the checks of objectives; their factory is `Objective(parts)`.

    The parts have small networks for every architecture, a Gaussian posterior, a standard normal
    prior, a squared error, and an estimator with the terms `kl`, of weight 2, and `size`, without
    a weight. Rounds are played as in the trainer.

    - `rounds`: the objective is a torch Module; its `rounds` are a tuple of tuples of players, each
      with a name, modules with parameters to train, and an optimizer.
    - `player-names`: players with the same name have the same modules and the same optimizer.
    - `parameters`: no two players of a round train the same parameter.
    - `untrained`: every parameter that requires a gradient belongs to a player.
    - `losses`: a round returns one finite scalar with a gradient per player, and no other.
    - `gradients`: a player's loss has a gradient to each of its parameters.
    - `terms`: terms are finite scalars with names, which are the same at every step; no name is in
      two rounds.
    - `no-grad`: `losses` leaves nothing in `.grad` and does not change `requires_grad`.
    - `evaluation`: in `eval` mode, `losses` works with two images and changes no state.
    - `generator`: in `eval` mode, all random numbers come from the generator of the batches.
    - `dropout`: in training mode, they may also come from torch's global generator, but from no
      other.
    - `graphs`: no round needs the autograd graph of an earlier round, which is freed by then.
    - `state`: `state_dict` holds all tensors of the objective, and none of the model.
    - `resume`: after three steps, a new objective and a new model with the state of the old ones
      give the same values.
    - `registered`: architectures that the objective builds and optimizers of its players are in
      `known`, or, without `known`, registered in unweave, if it is installed.

    Parameters
    ----------
    image_shape : (h, w, c)
        Shape of the images.
    dim : int
        Number of code dimensions.
    labels : tuple of int
        Number of classes of each factor; empty for a data set without factors.
    terms : bool
        Whether the parts have an estimator with two terms; False for an objective that takes none.
    known : mapping from "architecture" or "optimizer" to names, optional
        Registered names. The check `registered` looks at these kinds alone.

    Raises
    ------
    ValueError
        If `known` has an unknown kind.

    Examples
    --------
    >>> from unweave_testing import objective_checks
    >>> [check.name for check in objective_checks()][:3]
    ['rounds', 'player-names', 'parameters']
    """
    unknown = sorted(set(known or {}) - set(KINDS))
    if unknown:
        raise ValueError(f"known must have kinds among {', '.join(KINDS)}, got {unknown[0]!r}")
    facts = _Facts(image_shape, dim, labels, terms, known)
    functions: dict[str, Callable[[Any, _Facts], None]] = {
        "rounds": _rounds,
        "player-names": _player_names,
        "parameters": _parameters,
        "untrained": _untrained,
        "losses": _losses,
        "gradients": _gradients,
        "terms": _terms,
        "no-grad": lambda factory, facts: replays.check_no_grad(facts.stage, factory),
        "evaluation": lambda factory, facts: replays.check_evaluation(facts.stage, factory),
        "generator": lambda factory, facts: replays.check_generator(facts.stage, factory),
        "dropout": lambda factory, facts: replays.check_dropout(facts.stage, factory),
        "graphs": lambda factory, facts: replays.check_graphs(facts.stage, factory),
        "state": lambda factory, facts: replays.check_state(facts.stage, factory),
        "resume": lambda factory, facts: replays.check_resume(facts.stage, factory),
        "registered": _registered,
    }
    return [Check(name, _with(facts, function)) for name, function in functions.items()]


def _with(facts: _Facts, check: Callable[[Any, _Facts], None]) -> Callable[[Any], None]:
    def call(factory: Any) -> None:
        with seeds(0):
            check(factory, facts)

    return call


def _rounds(factory: Any, facts: _Facts) -> None:
    import torch

    objective = facts.stage(factory).objective
    assert isinstance(objective, torch.nn.Module), (
        f"an objective must be a torch Module, got {type(objective).__name__}"
    )
    rounds = objective.rounds
    assert isinstance(rounds, tuple), f"rounds must be a tuple, got {type(rounds).__name__}"
    assert rounds, "rounds must hold at least one round"
    for number, players in enumerate(rounds):
        assert isinstance(players, tuple), (
            f"round {number} must be a tuple of players, got {type(players).__name__}; "
            "write (player,) for a single player"
        )
        assert players, f"round {number} has no player"
        for player in players:
            _check_player(player, number)


def _check_player(player: Any, number: int) -> None:
    import torch

    missing = [name for name in ("name", "modules", "optimizer") if not hasattr(player, name)]
    assert not missing, f"a player of round {number} has no {', '.join(missing)}"
    name, modules = player.name, player.modules
    assert isinstance(name, str), f"a player's name must be text, got {name!r}"
    assert name, f"a player of round {number} has an empty name"
    assert isinstance(modules, tuple), (
        f"modules of player {name!r} must be a tuple, got {type(modules).__name__}"
    )
    for module in modules:
        assert isinstance(module, torch.nn.Module), (
            f"modules of player {name!r} must be torch Modules, got {type(module).__name__}"
        )
    assert plays.parameters_of(player), (
        f"player {name!r} has no parameter that requires a gradient; remove the player"
    )
    assert isinstance(player.optimizer, (str, Mapping)), (
        f"optimizer of player {name!r} must be text such as 'adam:lr=1e-4', '' for the run's "
        f"optimizer, or a mapping of options, got {player.optimizer!r}"
    )


def _players(stage: plays.Stage) -> Iterator[tuple[int, Any]]:
    for number, players in enumerate(stage.objective.rounds):
        for player in players:
            yield number, player


def _player_names(factory: Any, facts: _Facts) -> None:
    players: dict[str, tuple[int, Any]] = {}
    for number, player in _players(facts.stage(factory)):
        first, other = players.setdefault(player.name, (number, player))
        assert [*map(id, other.modules)] == [*map(id, player.modules)], (
            f"the players {player.name!r} of rounds {first} and {number} train different modules; "
            "give them different names"
        )
        assert other.optimizer == player.optimizer, (
            f"player {player.name!r} has another optimizer in round {number} than in round "
            f"{first}; give it the same one"
        )


def _parameters(factory: Any, facts: _Facts) -> None:
    stage = facts.stage(factory)
    owners: dict[tuple[int, int], str] = {}
    for number, player in _players(stage):
        for parameter in plays.parameters_of(player):
            other = owners.setdefault((number, id(parameter)), player.name)
            assert other == player.name, (
                f"players {other!r} and {player.name!r} of round {number} both train "
                f"{stage.name_of(parameter)}; players of one round move at once, so give the "
                "parameter to one of them"
            )


def _untrained(factory: Any, facts: _Facts) -> None:
    stage = facts.stage(factory)
    active = {id(p) for _, player in _players(stage) for p in plays.parameters_of(player)}
    idle = [name for name, p in stage.parameters() if p.requires_grad and id(p) not in active]
    assert not idle, (
        f"no player trains {', '.join(idle)}; give the module to one, or freeze it with "
        "requires_grad_(False)"
    )


def _losses(factory: Any, facts: _Facts) -> None:
    stage = facts.stage(factory)
    for number, players, losses, _ in stage.rounds():
        assert isinstance(losses, Mapping), (
            f"round {number} must return a mapping from player to loss, got {type(losses).__name__}"
        )
        names = sorted(player.name for player in players)
        assert sorted(losses) == names, (
            f"round {number} must return a loss for each of its players, {', '.join(names)}, "
            f"got {', '.join(map(str, losses)) or 'none'}"
        )
        for name, value in losses.items():
            _check_scalar(f"the loss of player {name!r}", value)
            assert value.requires_grad, f"the loss of player {name!r} carries no gradient"


def _check_scalar(what: str, value: Any) -> None:
    import torch

    assert isinstance(value, torch.Tensor), f"{what} must be a tensor, got {type(value).__name__}"
    assert tuple(value.shape) == (), f"{what} must be a scalar, got shape {tuple(value.shape)}"
    assert value.is_floating_point(), f"{what} must be a float, got {value.dtype}"
    number = float(value.detach())
    assert bool(value.isfinite()), f"{what} must be finite, got {number}"


def _gradients(factory: Any, facts: _Facts) -> None:
    import torch

    stage = facts.stage(factory)
    for _, players, losses, _ in stage.rounds():
        for player in players:
            parameters = plays.parameters_of(player)
            gradients: tuple[Any, ...] = torch.autograd.grad(
                losses[player.name], parameters, retain_graph=True, allow_unused=True
            )
            missing = [
                stage.name_of(p) for p, g in zip(parameters, gradients, strict=True) if g is None
            ]
            assert not missing, (
                f"the loss of player {player.name!r} has no gradient to {', '.join(missing)}, "
                "which the player trains"
            )


def _terms(factory: Any, facts: _Facts) -> None:
    stage = facts.stage(factory)
    rounds: dict[str, int] = {}
    for number, _, _, terms in stage.rounds():
        assert isinstance(terms, Mapping), (
            f"round {number} must return a mapping from name to term, got {type(terms).__name__}"
        )
        for name, value in terms.items():
            assert isinstance(name, str), f"names of terms must be text, got {name!r}"
            _check_scalar(f"term {name!r}", value)
            assert name not in rounds, (
                f"term {name!r} is in rounds {rounds[name]} and {number}; give each its own name"
            )
            rounds[name] = number
    later = {name for *_, terms in stage.rounds(step=100_000) for name in terms}
    assert later == set(rounds), (
        "every step must return the same terms; steps 0 and 100000 differ in "
        f"{', '.join(sorted(later ^ set(rounds)))}"
    )


def _registered(factory: Any, facts: _Facts) -> None:
    stage = facts.stage(factory)
    requests = list(stage.parts.build.requests)
    for _, player in _players(stage):
        if player.optimizer:
            text = player.optimizer
            requests.append(
                ("optimizer", text if isinstance(text, str) else text.get("name", "adam"))
            )
    requests = [
        (kind, spec) for kind, spec in requests if facts.names is None or kind in facts.names
    ]
    if not requests:
        raise NotApplicable("the objective uses no registered name")
    for kind, spec in requests:
        name, names = plays.name_of_spec(spec), _names_of_kind(kind, facts)
        assert name in names, f"no {kind} is called {name!r}; known: {', '.join(sorted(names))}"


def _names_of_kind(kind: str, facts: _Facts) -> Collection[str]:
    from unweave_testing.stand_ins import registry

    if facts.names is not None:
        return facts.names[kind]
    return {entry.name for entry in registry(f"no {kind} is known").entries(kind)}
