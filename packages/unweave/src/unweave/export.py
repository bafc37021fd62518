"""Networks for other programs: TorchScript or ONNX files, checked against the original.

Two plain modules are written, in float32 and evaluation mode: images to means and standard
deviations of q(z|x), and codes to images.
"""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn

from unweave.errors import ConfigError, unknown_name
from unweave.files import replacing
from unweave.protocols import PosteriorFamily

Format = Literal["torchscript", "onnx"]
SUFFIXES = {"torchscript": ".pt", "onnx": ".onnx"}
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-4
"""Largest difference from the original, relative to its largest number: float32 sums in another
order differ by some 1e-6 for each layer."""


class EncoderNetwork(nn.Module):
    """Images (n, c, h, w) -> means and standard deviations of q(z|x), (n, D) each.

    Parameters
    ----------
    encoder
        Images -> (n, outputs).
    family
        Outputs -> q(z|x).
    """

    inputs = ("x",)
    outputs = ("mean", "std")

    def __init__(self, encoder: nn.Module, family: nn.Module) -> None:
        super().__init__()
        self.encoder, self.family = encoder, family

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and std."""
        posterior = cast(PosteriorFamily, self.family)(self.encoder(x))
        return posterior.mean, posterior.std


class DecoderNetwork(nn.Module):
    """Codes (n, D) -> pictures (n, c, h, w).

    Parameters
    ----------
    decoder
        Codes -> outputs.
    picture
        Turns an output into an image, such as `image` or `expected` of a cost.
    """

    inputs = ("z",)
    outputs = ("picture",)

    def __init__(self, decoder: nn.Module, picture: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.decoder, self.picture = decoder, picture

    def forward(self, z: Tensor) -> Tensor:
        """Return the pictures."""
        return self.picture(self.decoder(z))


def check_format(form: str) -> Format:
    """Return the name of a format if networks can be written in it here.

    Raises
    ------
    ConfigError
        If it is unknown, or a package that it needs is not installed.
    """
    if form not in get_args(Format):
        raise unknown_name("format", form, get_args(Format))
    for package in ONNX_PACKAGES if form == "onnx" else ():
        if importlib.util.find_spec(package) is None:
            raise ConfigError(
                f"format onnx needs the package {package}: pip install 'unweave[onnx]', or take "
                "format torchscript"
            )
    return cast(Format, form)


def export_network(
    network: EncoderNetwork | DecoderNetwork,
    example: Tensor,
    other: Tensor,
    path: Path,
    form: Format = "torchscript",
) -> float:
    """Write a network to a file, read it back, and compare; return the largest difference.

    Parameters
    ----------
    network
        Not changed; a copy on the CPU is written.
    example
        An input, with a batch size above 1, to trace the network.
    other
        Another input, with another batch size, to compare the file with the original.
    path
        The file, which is written only if it agrees.
    form
        `torchscript`, for torch without Python or unweave, or `onnx`, which needs the packages
        of `pip install "unweave[onnx]"`.

    Raises
    ------
    ConfigError
        If the form is unknown, its packages are missing, the network cannot be written in it, or
        the file gives other numbers than the network.
    """
    check_format(form)
    plain = copy.deepcopy(network).cpu().float().eval()
    with replacing(path) as temporary, torch.no_grad(), _quiet():
        expected_outputs = _as_tuple(plain(other))
        try:
            outputs = WRITERS[form](plain, example, other, temporary)
        except OSError:
            raise
        except Exception as error:
            text = str(error).strip().partition("\n")[0][:200]
            raise ConfigError(
                f"the {_name_of(network)} cannot be written as {form}: "
                f"{type(error).__name__}: {text}"
            ) from error
        return _compare(_name_of(network), form, outputs, expected_outputs)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide the messages of torch about its own exporters; a user cannot change anything there."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _compare(
    name: str, form: str, outputs: tuple[Tensor, ...], expected_outputs: tuple[Tensor, ...]
) -> float:
    largest = 0.0
    for one, two in zip(outputs, expected_outputs, strict=True):
        difference = float((one - two).abs().max())
        if not (one.shape == two.shape and difference <= TOLERANCE * float(two.abs().max())):
            raise ConfigError(
                f"the {name} written as {form} differs from the original by {difference:.2g}; "
                "an operation of it cannot be written in this form"
            )
        largest = max(largest, difference)
    return largest


def _torchscript(
    network: nn.Module, example: Tensor, other: Tensor, path: Path
) -> tuple[Tensor, ...]:
    traced = torch.jit.trace(network, example, check_trace=False)  # type: ignore[no-untyped-call]
    content = io.BytesIO()  # torch itself does not write to a name that begins with a dot
    torch.jit.save(traced, content)
    path.write_bytes(content.getvalue())
    module = torch.jit.load(io.BytesIO(path.read_bytes()))  # type: ignore[no-untyped-call]
    return _as_tuple(module(other))


def _onnx(network: Any, example: Tensor, other: Tensor, path: Path) -> tuple[Tensor, ...]:
    import onnxruntime

    torch.onnx.export(
        network, (example,), path,
        input_names=network.inputs, output_names=network.outputs,
        dynamic_shapes=({0: torch.export.Dim.AUTO},), external_data=False, verbose=False,
    )  # fmt: skip
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    arrays = session.run(None, {network.inputs[0]: other.numpy()})
    return tuple(torch.from_numpy(array) for array in arrays)


WRITERS: dict[str, Callable[[nn.Module, Tensor, Tensor, Path], tuple[Tensor, ...]]] = {
    "torchscript": _torchscript,
    "onnx": _onnx,
}


def _as_tuple(output: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (output,) if isinstance(output, Tensor) else tuple(output)


def _name_of(network: nn.Module) -> str:
    return type(network).__name__.removesuffix("Network").lower()
