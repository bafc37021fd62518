"""Checks of arguments: shapes everywhere, values only where the caller may wait for the device."""

from __future__ import annotations

import operator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

# torch's distributions carry no annotations
# mypy: disable-error-code="no-untyped-call"


def wide(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors in one dtype of at least float32.

    Half precisions become float32, because a log-sum-exp over a batch loses all digits in bfloat16.
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


def check_tensor(**tensors: object) -> None:
    """Require tensors of floating-point numbers.

    Raises
    ------
    TypeError
        If one is something else.
    """
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name} must be a torch tensor, got {type(tensor).__name__}")
        if not tensor.is_floating_point():
            raise TypeError(f"{name} must hold floating-point numbers, got {tensor.dtype}")


def check_codes(codes: Tensor, name: str = "z", least: int = 2) -> None:
    """Require codes of shape (b, d) with at least `least` rows.

    Raises
    ------
    ValueError
        If the shape is another one, or there are too few rows.
    TypeError
        If it is not a tensor of floating-point numbers.
    """
    check_tensor(**{name: codes})
    if codes.ndim != 2 or codes.shape[1] == 0:
        raise ValueError(f"{name} must have shape (b, d), got {tuple(codes.shape)}")
    if codes.shape[0] < least:
        raise ValueError(
            f"{name} must hold a batch of at least {least} codes, got {codes.shape[0]}: "
            "a batch estimate compares each code with the others"
        )


def check_same_shape(codes: Tensor, **others: Tensor | Distribution) -> None:
    """Require tensors or distributions with the shape of the codes.

    Raises
    ------
    ValueError
        If one has another shape.
    TypeError
        If one is neither a distribution nor a tensor of floating-point numbers.
    """
    for name, other in others.items():
        if isinstance(other, Distribution):
            shape = other.batch_shape
        else:
            check_tensor(**{name: other})
            shape = other.shape
        if shape != codes.shape:
            raise ValueError(
                f"{name} must have the shape of z, {tuple(codes.shape)}, got {tuple(shape)}"
            )


def check_same_width(**samples: Tensor) -> None:
    """Require two samples of the same number of dimensions.

    Raises
    ------
    ValueError
        If they differ in width.
    """
    widths = [sample.shape[1] for sample in samples.values()]
    if len(set(widths)) > 1:
        raise ValueError(
            f"{' and '.join(samples)} must have the same number of columns, "
            f"got {' and '.join(map(str, widths))}"
        )


def check_dataset_size(dataset_size: int, present: int) -> None:
    """Require a data set with at least as many samples as a sum has posteriors.

    Raises
    ------
    ValueError
        If it is smaller.
    TypeError
        If it is not an integer.
    """
    try:
        operator.index(dataset_size)
    except TypeError:
        kind = type(dataset_size).__name__
        raise TypeError(f"dataset_size must be an integer, got {kind}") from None
    if dataset_size < present:
        raise ValueError(
            f"dataset_size must be at least the number of posteriors in one sum, {present}, "
            f"got {dataset_size}"
        )


def check_finite(**tensors: Tensor) -> None:
    """Require finite values; this waits for the device.

    Raises
    ------
    ValueError
        If a value is infinite or not a number.
    """
    for name, tensor in tensors.items():
        if not _all(torch.isfinite(tensor)):
            raise ValueError(f"{name} must be finite, got NaN or infinite values")


def _all(condition: Tensor) -> bool:
    """Tell whether a condition holds everywhere; True where values cannot be read."""
    if torch.compiler.is_compiling():
        return True
    try:
        return bool(condition.all())
    except RuntimeError:  # inside torch.func.vmap, or of tensors on the meta device
        return True


def check_positive(**tensors: Tensor) -> None:
    """Require values above zero; this waits for the device.

    Raises
    ------
    ValueError
        If a value is zero or negative.
    """
    for name, tensor in tensors.items():
        if not _all(tensor > 0):
            raise ValueError(f"{name} must be positive, got a smallest value of {tensor.min():g}")


def check_above_zero(**numbers: float | None) -> None:
    """Require numbers above zero, or None.

    Raises
    ------
    ValueError
        If one is zero or negative.
    """
    for name, number in numbers.items():
        if number is not None and not number > 0:
            raise ValueError(f"{name} must be positive, got {number:g}")


def check_at_least_one(**counts: int) -> None:
    """Require counts of one or more.

    Raises
    ------
    ValueError
        If a count is zero or negative.
    """
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")


def check_parameters(distribution: Distribution, name: str) -> None:
    """Require parameters within a distribution's constraints; this waits for the device.

    Raises
    ------
    ValueError
        If one is NaN or violates its constraint.
    """
    for parameter, constraint in distribution.arg_constraints.items():
        if constraints.is_dependent(constraint):
            continue
        if not _all(constraint.check(getattr(distribution, parameter))):
            raise ValueError(
                f"{name}'s {parameter} must satisfy {constraint}, got NaN or values outside"
            )


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Require one of the choices.

    Raises
    ------
    ValueError
        If it is not one of them.
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
