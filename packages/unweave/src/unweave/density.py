"""The second stage: a density fitted to the codes of a trained run, kept in its directory."""

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
from unweave.checkpoint import list_checkpoints
from unweave.errors import ConfigError, RunError, unknown_name
from unweave.files import write_bytes
from unweave.options import build, check_options, convert, options_of, parse_spec
from unweave.protocols import Flow
from unweave.registry import Registry, registry

Progress = Callable[[int, int], None]

FILE = "density.safetensors"
NOT_OPTIONS = ("generator", "progress")
"""Keyword arguments of `fit` that are the core's to give."""


UNREADABLE = (
    safetensors.SafetensorError, OSError, TypeError, LookupError, ValueError, RuntimeError,
)  # fmt: skip
"""What reading a file that is no density may raise."""


def fit_density(
    folder: Path,
    names: Registry,
    flow: str,
    codes: Tensor,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> nn.Module:
    """Fit a registered flow to codes and keep it in a run directory; return it.

    Parameters
    ----------
    flow : `NAME` or `NAME:key=value,...`, options of the flow or of its `fit`, as in
        `maf:transforms=3,epochs=20`.
    codes : float tensor, shape (n, D), z ~ q(z|x).
    seed : of the flow's first weights and of the fit.

    Raises
    ------
    ConfigError
        If the name or an option is unknown, or the codes cannot be fitted.
    """
    name, options = parse_spec(flow)
    entry = names.lookup("flow", name)
    fit = options_of(entry.load().fit, NOT_OPTIONS)
    ours = {key: value for key, value in options.items() if key not in fit}
    theirs = {key: value for key, value in options.items() if key in fit}
    if unknown := [key for key in ours if key not in options_of(entry.load())]:
        known = [*options_of(entry.load()), *fit]
        raise unknown_name(f"option of flow {entry.name}", unknown[0], known)
    with torch.random.fork_rng([]):
        torch.manual_seed(derive_seed(seed, "density"))
        density = build(entry, codes.shape[1], options=ours).to(codes.device)
    generator = torch.Generator(codes.device).manual_seed(derive_seed(seed, "density fit"))
    values = _fit_options(entry.name, density.fit, theirs)
    try:
        density.fit(codes, generator=generator, progress=progress, **values)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"flow {entry.name}: {error}") from error
    about = {
        "flow": entry.qualified,
        "options": check_options(entry, ours),
        "dim": codes.shape[1],
        "step": _newest_step(folder),
        "rows": len(codes),
        "seed": seed,
    }
    _save(folder / FILE, density, about)
    return cast(nn.Module, density)


def load_density(folder: Path, names: Registry) -> nn.Module:
    """Read the density of a run directory.

    Raises
    ------
    RunError
        If there is none, the file is damaged, or training went on since it was fitted.
    """
    path = folder / FILE
    if not path.is_file():
        raise RunError(f"{folder} has no fitted density; make one: unweave fit-density {folder}")
    try:
        about = _read_about(path)
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        step, dim = int(about["step"]), int(about["dim"])
        entry = names.lookup("flow", str(about["flow"]))
        density = build(entry, dim, options=about["options"])
        density.load_state_dict(tensors)
    except UNREADABLE as error:
        raise RunError(f"{path} is not a density ({error}); delete it and fit it again") from error
    if step != _newest_step(folder):
        raise RunError(
            f"{path} was fitted at step {step}, and training went on; fit it again with "
            f"unweave fit-density {folder}"
        )
    return cast(nn.Module, density.eval())


def has_density(folder: Path) -> bool:
    """Whether a density was fitted at the newest checkpoint; a damaged file counts, and is said."""
    if not (folder / FILE).is_file():
        return False
    try:
        return bool(_read_about(folder / FILE)["step"] == _newest_step(folder))
    except UNREADABLE:
        return True


class FlowPrior(nn.Module):
    """A registered flow as prior: learned with the autoencoder, or as fitted to another run.

    Parameters
    ----------
    dim : code dimensions D.
    kind : registered name of the flow.
    transforms, hidden : its number of layers and their widths, where it has such options.
    fitted : a run directory whose density is taken as it is; `kind` and the others are then its.

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
            self.flow = load_density(fitted, registry()).requires_grad_(False)
            if self().event_shape != (dim,):
                raise ValueError(
                    f"the density of {fitted} has {self().event_shape[0]} dimensions, "
                    f"and this run's codes have {dim}"
                )
            return
        given = {"transforms": transforms, "hidden": hidden}
        options = {name: value for name, value in given.items() if value is not None}
        self.flow = build(registry().lookup("flow", kind), dim, options=options)

    def forward(self) -> torch.distributions.Distribution:
        """Return p(z), a distribution with event shape (D,)."""
        return cast(Flow, self.flow)()

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n codes, shape (n, D)."""
        return cast(Tensor, cast(Any, self.flow).sample(n, generator))


def _fit_options(flow: str, fit: Callable[..., Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Convert options of `fit` to their annotated types."""
    known = options_of(fit, NOT_OPTIONS)
    return {
        known[name].parameter: convert(
            f"option {name} of flow {flow}", known[name].annotation, value
        )
        for name, value in given.items()
    }


def _save(path: Path, density: nn.Module, about: Mapping[str, Any]) -> None:
    tensors = {k: v.detach().cpu().contiguous() for k, v in density.state_dict().items()}
    text = json.dumps(about, default=str)
    write_bytes(path, safetensors.torch.save(tensors, metadata={"density": text}))


def _read_about(path: Path) -> dict[str, Any]:
    with safetensors.safe_open(path, framework="pt") as file:
        return dict(json.loads((file.metadata() or {})["density"]))


def _newest_step(folder: Path) -> int:
    paths = list_checkpoints(folder / "checkpoints")
    return int(paths[-1].stem.partition("-")[2]) if paths else 0
