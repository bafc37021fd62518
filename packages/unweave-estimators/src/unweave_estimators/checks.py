"""Checks of arguments: shapes everywhere, values only where waiting for the device is fine."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.distributions import Distribution


def wide(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors in one dtype of at least float32.

    Half precisions go up to float32, because a log-sum-exp over a batch keeps no digit in bfloat16.
    """
    dtype = torch.float32
    for tensor in tensors:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return tuple(tensor.to(dtype) for tensor in tensors)


def without_autocast(tensor: Tensor) -> AbstractContextManager[object]:
    """Return a context in which matrix products keep the precision of their inputs."""
    device = tensor.device.type
    if not torch.amp.is_autocast_available(device):
        return nullcontext()
    return torch.autocast(device, enabled=False)


def check_codes(codes: Tensor, name: str = "z", least: int = 2) -> None:
    """Require codes of shape (b, d) with at least `least` rows.

    Raises
        ValueError: the shape is another one, or there are too few rows.
    """
    if codes.ndim != 2 or codes.shape[1] == 0:
        raise ValueError(f"{name} must have shape (b, d), got {tuple(codes.shape)}")
    if codes.shape[0] < least:
        raise ValueError(
            f"{name} must hold a batch of at least {least} codes, got {codes.shape[0]}: "
            "a batch estimate compares each code with the others"
        )


def check_same_shape(codes: Tensor, **others: Tensor | Distribution) -> None:
    """Require that everything given by name has the shape of the codes.

    Raises
        ValueError: one has another shape.
    """
    for name, other in others.items():
        shape = other.shape if isinstance(other, Tensor) else other.batch_shape
        if shape != codes.shape:
            raise ValueError(
                f"{name} must have the shape of z, {tuple(codes.shape)}, got {tuple(shape)}"
            )


def check_same_width(x: Tensor, y: Tensor) -> None:
    """Require two samples of the same number of dimensions.

    Raises
        ValueError: they differ in width.
    """
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"x and y must have the same number of columns, got {x.shape[1]} and {y.shape[1]}"
        )


def check_dataset_size(dataset_size: int, present: int) -> None:
    """Require a data set of at least as many samples as there are posteriors at hand.

    Raises
        ValueError: it is smaller.
    """
    if dataset_size < present:
        raise ValueError(
            f"dataset_size must be at least the number of posteriors in one sum, {present}, "
            f"got {dataset_size}"
        )


def check_finite(**tensors: Tensor) -> None:
    """Require finite values; waits for the device.

    Raises
        ValueError: a value is infinite or not a number.
    """
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{name} must be finite, got NaN or infinite values")


def check_positive(**tensors: Tensor) -> None:
    """Require values above zero; waits for the device.

    Raises
        ValueError: a value is zero or negative.
    """
    for name, tensor in tensors.items():
        if not bool((tensor > 0).all()):
            raise ValueError(f"{name} must be positive, got a smallest value of {tensor.min():g}")


def check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    """Require one of the known spellings.

    Raises
        ValueError: it is none of them.
    """
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
