"""A transposed convolution that the processor computes faster; on a GPU it is torch's own."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

FEW = 4
"""Output channels up to which oneDNN's kernel has too little to do for each number it loads."""
GEOMETRY = ((4, 4), (2, 2), (1, 1), (0, 0), (1, 1), 1)
"""Kernel, stride, padding, output padding, dilation and groups of what is done another way here."""


class TransposedConv2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d`, the same but for rounding, for kernels of 4 x 4 and stride 2.

    Two things are slow in torch 2.13 on a processor: few output channels, where a convolution to
    four times the channels and a pixel shuffle take half of the time, and the gradients of
    weights and bias, asked for at once. Other kernels, devices and types are left to torch.
    """

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return the output, shape (b, outputs, 2 h, 2 w), of input (b, inputs, h, w)."""
        if self._is_ours(input) and output_size is None:
            output: Tensor = _Doubling.apply(input, self.weight, self.bias)  # type: ignore[no-untyped-call]
            return output
        return super().forward(input, output_size)

    def _is_ours(self, x: Tensor) -> bool:
        geometry = (
            self.kernel_size, self.stride, self.padding, self.output_padding, self.dilation,
            self.groups,
        )  # fmt: skip
        return (
            geometry == GEOMETRY and self.bias is not None and x.device.type == "cpu"
            and x.dtype == torch.float32 and torch.is_grad_enabled()
            and not torch.is_autocast_enabled("cpu") and not torch.compiler.is_compiling()
        )  # fmt: skip


class _Doubling(torch.autograd.Function):
    """The transposed convolution, whose backward passes are those of a convolution."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        if weight.shape[1] > FEW:
            return F.conv_transpose2d(x, weight, bias, 2, 1)
        return shuffled(x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        x, weight, _ = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        (gradient,), (x, weight) = gradients, ctx.saved_tensors
        of_x = F.conv2d(gradient, weight, None, 2, 1) if ctx.needs_input_grad[0] else None
        # The transposed convolution is linear in its weights as the convolution of the gradient is.
        of_weight = conv2d_weight(gradient, weight.shape, x, 2, 1)  # type: ignore[no-untyped-call]
        return of_x, of_weight, gradient.sum((0, 2, 3))


def shuffled(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the transposed convolution with a 4 x 4 kernel, stride 2 and padding 1.

    Row 2 i + a of the output padded by one, a in {0, 1}, is the sum over the input's rows i - 1
    and i with rows a + 2 and a of the kernel, and columns likewise: a 2 x 2 convolution for each
    of the four (a, b), which a pixel shuffle puts in their places.

    Parameters
    ----------
    x : shape (b, i, h, w); weight : (i, o, 4, 4); bias : (o,). Returns shape (b, o, 2 h, 2 w).
    """
    inputs, outputs = weight.shape[:2]
    # Laid out channels last by hand: vmap knows no memory formats.
    parts = weight.reshape(inputs, outputs, 2, 2, 2, 2).flip(2, 4).permute(1, 3, 5, 2, 4, 0)
    kernel = parts.reshape(4 * outputs, 2, 2, inputs).permute(0, 3, 1, 2)
    padded = F.pixel_shuffle(F.conv2d(x, kernel, bias.repeat_interleave(4), padding=1), 2)
    return padded[:, :, 1:-1, 1:-1].permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
