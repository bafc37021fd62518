"""The second stage: a density fitted to the codes of a trained run, saved in its directory."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from unweave.batches import derive_seed
from unweave.checkpoint import newest_step
from unweave.errors import ConfigError, RunError, blaming, describe, message_of, unknown_name
from unweave.files import write_bytes
from unweave.latent import sample_prior
from unweave.options import (
    FIT_ARGUMENTS,
    Option,
    check_options,
    convert,
    options_of,
    options_of_entry,
    parse_spec,
)
from unweave.protocols import Flow
from unweave.registry import Entry, Registry, registry
from unweave.train_config import Spec

Progress = Callable[[int, int], None]

FILE = "density.safetensors"
DEFAULT = "maf"
"""The default flow."""
ROWS = 50_000
"""Default number of codes for a fit: an epoch of `maf` then has 450 steps; with all of dSprites it
would have 6,600."""
ROWS_CHECKED = 1000
"""Number of codes whose density is checked after a fit."""


UNREADABLE = (
    safetensors.SafetensorError, OSError, TypeError, LookupError, ValueError, RuntimeError,
)  # fmt: skip
"""What reading a file that is not a density may raise."""


def fit_density(
    folder: Path,
    names: Registry,
    flow: str,
    codes: Tensor,
    *,
    step: int,
    seed: int = 0,
    progress: Progress | None = None,
) -> nn.Module:
    """Fit a registered flow to codes and keep it in a run directory; return it.

    Parameters
    ----------
    flow
        `NAME` or `NAME:key=value,...`, options of the flow or of its `fit`, as in
        `maf:transforms=3,epochs=20`.
    codes : float tensor, shape (n, D), z ~ q(z|x).
    step
        Step of the model that gave the codes.
    seed
        Seed of the flow's initial weights and of the fit.

    Raises
    ------
    ConfigError
        If the name or an option is unknown, or the codes cannot be fitted.
    """
    name, options = parse_spec(flow)
    entry = names.lookup("flow", name, "unweave" if name == DEFAULT else None)
    own, fit = options_of_entry(entry), _options_of_fit(entry, entry.load())
    ours = {key: value for key, value in options.items() if key not in fit}
    theirs = {key: value for key, value in options.items() if key in fit}
    if unknown := [key for key in ours if key not in own]:
        raise unknown_name(f"option of flow {entry.name}", unknown[0], [*own, *fit])
    with torch.random.fork_rng([]):
        torch.manual_seed(derive_seed(seed, "density"))
        spec = Spec(name=entry.qualified, options=ours)
        built = names.build("flow", spec, codes.shape[1])
        if not isinstance(built, nn.Module):
            raise ConfigError(f"{entry} must give a torch.nn.Module, got {type(built).__name__}")
        density: Any = built.to(codes.device)
    generator = torch.Generator(codes.device).manual_seed(derive_seed(seed, "density fit"))
    values = _fit_options(entry, density, theirs)
    with blaming(str(entry), "in its fit"):
        try:
            density.fit(codes, generator=generator, progress=progress, **values)
        except (ValueError, ArithmeticError) as error:  # what it refuses, in words of its own
            raise ConfigError(f"{entry}: {message_of(error)}") from error
    about = {
        "flow": entry.qualified,
        "options": check_options(entry, ours),
        "dim": codes.shape[1],
        "step": step,
        "rows": len(codes),
        "seed": seed,
    }
    _check_loadable(names, entry, about, density)
    _check_fitted(entry, density, codes)
    _save(folder / FILE, density, about)
    return cast(nn.Module, density)


def load_density(folder: Path, names: Registry) -> nn.Module:
    """Read the density of a run directory.

    Raises
    ------
    RunError
        If there is none, the file is damaged, or the run has trained further since the fit.
    """
    path = folder / FILE
    if not path.is_file():
        raise RunError(f"{folder} has no fitted density; make one: unweave fit-density {folder}")
    density, step = read_density(path, names)
    if step != newest_step(folder / "checkpoints"):
        raise RunError(
            f"{path} was fitted at step {step}, and training continued; fit it again with "
            f"unweave fit-density {folder}"
        )
    return density


def read_density(path: Path, names: Registry) -> tuple[nn.Module, int]:
    """Read a density file: the density, and the step of the model to whose codes it was fitted.

    Raises
    ------
    RunError
        If the file is damaged.
    """
    try:
        about = _read_about(path)
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        density = _rebuild(names, about, tensors)
        return density.eval(), int(about["step"])
    except UNREADABLE as error:
        raise RunError(
            f"{path} is not a density ({message_of(error)}); delete it and fit it again"
        ) from error


def _rebuild(names: Registry, about: Mapping[str, Any], tensors: dict[str, Tensor]) -> nn.Module:
    spec = Spec(name=str(about["flow"]), options=about["options"])
    density = cast(nn.Module, names.build("flow", spec, int(about["dim"])))
    density.load_state_dict(tensors)
    return density


def has_density(folder: Path) -> bool:
    """Whether a density was fitted at the newest checkpoint; a damaged file counts as one."""
    if not (folder / FILE).is_file():
        return False
    try:
        return bool(_read_about(folder / FILE)["step"] == newest_step(folder / "checkpoints"))
    except UNREADABLE:
        return True


class FlowPrior(nn.Module):
    """A registered flow as prior: learned with the autoencoder, or already fitted to another run.

    Parameters
    ----------
    dim
        Code dimensions D.
    kind
        Registered name of the flow.
    transforms, hidden
        Its number of layers and their widths, where it has such options.
    fitted
        A run directory, or a density file, whose density is used unchanged; `kind` and the other
        options then come from it. The file is copied into the run that uses it.

    Raises
    ------
    ValueError
        If the fitted density has another number of dimensions.

    References
    ----------
    Xiao, Yan and Amit, "Generative latent flow", 2019 (learned beside the autoencoder); Huang et
    al., "Learnable explicit density for continuous latent space", 2017 (as the prior of a VAE).
    """

    def __init__(
        self,
        dim: int,
        *,
        kind: str = "realnvp",
        transforms: int | None = None,
        hidden: tuple[int, ...] | None = None,
        fitted: Path | None = None,
    ) -> None:
        super().__init__()
        if fitted is not None:
            source = fitted / FILE if fitted.is_dir() else fitted
            if fitted.is_dir():
                load_density(fitted, registry())  # says if training went on since
            self.carried = {"fitted": source}
            self.flow = read_density(source, registry())[0].requires_grad_(False)
            if self().event_shape != (dim,):
                raise ValueError(
                    f"the density of {fitted} has {self().event_shape[0]} dimensions, "
                    f"and this run's codes have {dim}"
                )
            return
        sizes = {"transforms": transforms, "hidden": hidden}
        options = {name: value for name, value in sizes.items() if value is not None}
        self.flow = registry().build("flow", Spec(name=kind, options=options), dim, home="unweave")

    def forward(self) -> torch.distributions.Distribution:
        """Return p(z), a distribution with event shape (D,)."""
        return cast(Flow, self.flow)()

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n codes, shape (n, D)."""
        return cast(Tensor, cast(Any, self.flow).sample(n, generator))


def _options_of_fit(entry: Entry, flow: Any) -> dict[str, Option]:
    with blaming(str(entry), "when the options of its fit were looked at"):
        if not callable(getattr(flow, "fit", None)):
            raise ConfigError(f"{entry} has no method 'fit', which every flow has")
        return options_of(flow.fit, FIT_ARGUMENTS)


def _fit_options(entry: Entry, density: Any, settings: Mapping[str, str]) -> dict[str, Any]:
    """Convert options of `fit` to their annotated types."""
    options = _options_of_fit(entry, density)
    return {
        options[name].parameter: convert(
            f"option {name} of flow {entry.name}", options[name].annotation, value
        )
        for name, value in settings.items()
    }


def _check_loadable(
    names: Registry, entry: Entry, about: Mapping[str, Any], density: nn.Module
) -> None:
    """Raise if a fitted density cannot be loaded again, before it replaces another."""
    tensors = {name: t.detach().cpu() for name, t in density.state_dict().items()}
    if bad := [n for n, t in tensors.items() if not bool(t.isfinite().all())]:
        raise ConfigError(f"{entry} did not converge: {bad[0]} is not finite; nothing was saved")
    try:
        _rebuild(names, about, tensors)
    except (RuntimeError, ConfigError) as error:
        raise ConfigError(
            f"{entry} cannot be loaded after its fit, because its state is not that of a new one "
            f"({describe(error)}); it must make all parameters and buffers in __init__"
        ) from error


@torch.no_grad()
def _check_fitted(entry: Entry, density: nn.Module, codes: Tensor) -> None:
    """Raise if a fitted density is not a distribution of codes, or cannot evaluate a code.

    Nothing is saved then, and an earlier density stays.
    """
    few = codes[:ROWS_CHECKED]
    with blaming(str(entry), "when asked for its density after its fit"):
        distribution = density.eval()()
        likelihood = distribution.log_prob(few)
    if tuple(likelihood.shape) != (len(few),) or not bool(likelihood.isfinite().all()):
        raise ConfigError(
            f"{entry} must give each code a finite log density after its fit, shape ({len(few)},), "
            f"got shape {tuple(likelihood.shape)}, {int(likelihood.isfinite().sum())} finite; "
            "nothing was saved"
        )
    with blaming(str(entry), "when asked for samples after its fit"):
        samples = sample_prior(cast(Flow, density), 3, torch.Generator(codes.device).manual_seed(0))
    if tuple(samples.shape) != (3, codes.shape[1]) or not bool(samples.isfinite().all()):
        raise ConfigError(
            f"{entry} must give finite samples of shape (n, {codes.shape[1]}), got "
            f"{tuple(samples.shape)} for n = 3; nothing was saved"
        )


def _save(path: Path, density: nn.Module, about: Mapping[str, Any]) -> None:
    tensors = {k: v.detach().cpu().contiguous() for k, v in density.state_dict().items()}
    text = json.dumps(about, default=str)
    write_bytes(path, safetensors.torch.save(tensors, metadata={"density": text}))


def _read_about(path: Path) -> dict[str, Any]:
    with safetensors.safe_open(path, framework="pt") as file:
        return dict(json.loads((file.metadata() or {})["density"]))
