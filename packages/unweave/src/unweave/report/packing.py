"""Weights and other arrays as text for a page, and their precision."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unweave.protocols import member
from unweave.report.program import Program, UnsupportedOperation
from unweave.report.recorder import translate
from unweave.trained import Trained

Precision = Literal["float16", "float32"]
PRECISIONS: dict[Precision, Any] = {"float16": np.float16, "float32": np.float32}

LARGEST_ERROR = 0.5 / 255
"""Largest change of a pixel in [0, 1] by rounding: half of the error that a page may have."""
TEXT_PER_BYTE = 4 / 3


@dataclass(frozen=True)
class PackedDecoder:
    """What the page gets of a decoder.

    Attributes
    ----------
    content
        For JSON; None where the page cannot run it.
    reason
        Why it cannot, a sentence; empty otherwise.
    """

    content: dict[str, Any] | None
    reason: str = ""


def pack_decoder(run: Trained, codes: NDArray[np.floating[Any]], room: int) -> PackedDecoder:
    """Translate a run's decoder and pack its weights, or say why that is not possible.

    Weights are float16; float32 where float16 changes a pixel by more than `LARGEST_ERROR`, and
    for vectors, whose numbers have no common range.

    Parameters
    ----------
    codes : float array, shape (n, D); pictures of these codes are compared.
    room
        Bytes that the weights may take as text.
    """
    decoder = copy.deepcopy(run.model.decoder).cpu().eval()
    cost: Any = copy.deepcopy(run.cost).cpu()  # type: ignore[attr-defined]
    image = member(cost, "expected") if run.continuous else cost.image
    try:
        program = translate(lambda z: image(decoder(z)), codes.shape[1])
    except UnsupportedOperation as error:
        return PackedDecoder(None, f"The decoder uses {error}, which this page cannot compute.")
    except Exception as error:  # the decoder of a plugin may fail under the recorder in any way
        return PackedDecoder(None, f"The decoder could not be recorded ({type(error).__name__}).")
    z = torch.as_tensor(codes, dtype=torch.float32)
    precision: Precision = "float32" if run.continuous else choose_precision(decoder, image, z)
    size = sum(w.numel() for w in program.weights) * np.dtype(PRECISIONS[precision]).itemsize
    if size * TEXT_PER_BYTE > room:
        return PackedDecoder(
            None,
            f"The decoder's weights take {size * TEXT_PER_BYTE / 1e6:.1f} MB, "
            f"and this page has room for {room / 1e6:.1f} MB.",
        )
    return PackedDecoder(program_content(program, precision))


@torch.no_grad()
def choose_precision(
    decoder: nn.Module, image: Callable[[Tensor], Tensor], codes: Tensor
) -> Precision:
    """Return float16 if pictures of the codes change by at most `LARGEST_ERROR`, else float32."""
    half_precision = copy.deepcopy(decoder)
    for tensor in (*half_precision.parameters(), *half_precision.buffers()):
        if tensor.is_floating_point():
            tensor.data = tensor.data.half().float()
    error = (image(half_precision(codes)) - image(decoder(codes))).abs().max()
    return "float16" if bool(error <= LARGEST_ERROR) else "float32"


def program_content(program: Program, precision: Precision) -> dict[str, Any]:
    """Give a program as JSON: operations, and all weights as one base64 text."""
    flat = [w.numpy().ravel() for w in program.weights]
    ends = np.cumsum([len(w) for w in flat])
    return {
        "operations": program.operations,
        "result": program.result,
        "shape": list(program.shape),
        "precision": precision,
        "ends": ends.tolist(),
        "weights": encode_array(np.concatenate(flat), precision) if flat else "",
    }


def encode_array(values: NDArray[Any], precision: Precision = "float16") -> str:
    """Return little-endian floats as base64; numbers beyond float16's range become its largest."""
    dtype = np.dtype(PRECISIONS[precision]).newbyteorder("<")
    if precision == "float16":
        values = np.clip(values, -65504, 65504)
    return base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode()
