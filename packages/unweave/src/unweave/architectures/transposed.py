"""A transposed convolution that trains faster on a processor, with the same weights and results."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Pair = tuple[int, int]


class TransposedConvolution(nn.ConvTranspose2d):
    """A transposed convolution; in training in float32 on a processor it has other kernels.

    - The bias is added afterwards: in oneDNN's backward pass the gradient of the bias of a large
      transposed convolution takes about as long as that of the weights, and a sum takes little.
    - One output channel is a product of matrices, whose columns are added up where they overlap:
      oneDNN takes two to four times as long.

    Results are those of torch within rounding.
    """

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return the images of a batch, (b, outputs, h', w') from (b, channels, h, w)."""
        if output_size is not None or not self._trains_on_a_processor(x):
            return super().forward(x, output_size)
        stride, padding, added = (
            cast(Pair, p) for p in (self.stride, self.padding, self.output_padding)
        )
        bias = None if self.bias is None else self.bias[:, None, None]
        if self.out_channels == 1 and self.dilation == (1, 1):
            y = cast(Tensor, _one_channel(x, self.weight, stride, padding, added))
            return y if bias is None else y + bias
        y = F.conv_transpose2d(
            x, self.weight, None, stride, padding, added, self.groups, self.dilation
        )
        return y if bias is None else y.add_(bias)

    def _trains_on_a_processor(self, x: Tensor) -> bool:
        here = x.device.type == "cpu" and x.dtype == torch.float32
        return here and torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")


class OneChannel(torch.autograd.Function):
    """y of one channel as fold(Wᵀ x), with the gradients of torch's convolution.

    Each pixel of x, a vector of channels, times W (channels, k k') gives a patch of k x k' pixels;
    `fold` adds up the patches where they overlap.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, stride: Pair, padding: Pair, added: Pair) -> Tensor:
        """Return y (b, 1, h', w') from x (b, channels, h, w) and W (channels, 1, k, k')."""
        kernel = weight.shape[2:]
        size = [
            (side - 1) * s - 2 * p + k + a
            for side, s, p, k, a in zip(x.shape[2:], stride, padding, kernel, added, strict=True)
        ]
        patches = weight.reshape(-1, math.prod(kernel)).T @ x.flatten(2)
        return F.fold(patches, tuple(size), tuple(kernel), padding=padding, stride=stride)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep what the gradients need."""
        x, weight, *ctx.geometry = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients by x and W."""
        x, weight = ctx.saved_tensors
        stride, padding, added = ctx.geometry
        by_x, by_weight, _ = torch.ops.aten.convolution_backward(
            gradient, x, weight, None, stride, padding, (1, 1), True, added, 1,
            [*ctx.needs_input_grad[:2], False],
        )  # fmt: skip
        return by_x, by_weight, None, None, None


_one_channel: Any = OneChannel.apply
