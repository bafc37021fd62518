"""Mixture of the posteriors of learned pseudo-inputs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, Normal

from unweave_priors.base import Encode, Mixture, Prior, register
from unweave_priors.normal import draw_normal


class Vamp(Prior):
    """Variational mixture of posteriors, p(z) = (1/K) sum_k q(z|u_k) with pseudo-inputs u_k.

    The encoder is that of the autoencoder, and gets gradients of the density. `attach` sets it,
    and the images at which the pseudo-inputs start; before that, the prior cannot be called. The
    prior does not factorise over dimensions, so that estimators that need marginals refuse it.
    Every call encodes the pseudo-inputs, at the cost of a batch of K images; layers with statistics
    of the batch, such as batch normalisation, include them.

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    components : int
        Number K of pseudo-inputs.
    learned : bool
        Whether the pseudo-inputs are parameters, which each use clips to [0, 1]; if not, they
        stay the images ("VampPrior data").

    Attributes
    ----------
    images_wanted : int
        K, the number of images that `attach` needs.

    Raises
    ------
    ValueError
        If `dim` or `components` is not a positive integer.

    References
    ----------
    Tomczak, Welling, "VAE with a VampPrior", 2018, equation 9 and section 4.2.

    Examples
    --------
    >>> import torch
    >>> from torch.distributions import Independent, Normal
    >>> from unweave_priors import Vamp
    >>> linear = torch.nn.Linear(16, 2)
    >>> def encode(images):  # any function from images to a Distribution over codes
    ...     return Independent(Normal(linear(images.flatten(1)), 0.5), 1)
    >>> prior = Vamp(2, components=3)
    >>> prior.attach(encode, torch.rand(3, 1, 4, 4))
    >>> prior().log_prob(torch.zeros(5, 2)).shape
    torch.Size([5])
    >>> [name for name, _ in prior.named_parameters()]
    ['pseudo_inputs']
    """

    pseudo_inputs: Tensor | None

    def __init__(self, dim: int, *, components: int = 500, learned: bool = True) -> None:
        super().__init__(dim)
        if isinstance(components, bool) or not isinstance(components, int) or components < 1:
            raise ValueError(f"components must be a positive integer, got {components!r}")
        self.images_wanted = components
        self._learned = learned
        self._encode: tuple[Encode, ...] = ()
        register(self, "pseudo_inputs", None, learned=learned)

    def attach(self, encode: Encode, images: Tensor | None) -> None:
        """Set the encoder, and start the pseudo-inputs at images.

        Parameters
        ----------
        encode : callable
            Maps images (n, c, h, w) to a Distribution q(z|x), batch shape (n,), event shape
            (dim,). It is not a submodule: its owner saves and trains its parameters.
        images : float tensor, shape (components, c, h, w), or None
            Values in [0, 1]. The pseudo-inputs get their dtype and device. None leaves
            pseudo-inputs that were loaded with a state.

        Raises
        ------
        ValueError
            If the number of images is not `components`, or a value lies outside of [0, 1].
        """
        # In a tuple, which hides a module from torch, so that the encoder is not a submodule.
        self._encode = (encode,)
        if images is not None:
            self._check(images)
            register(self, "pseudo_inputs", images.detach().clone(), learned=self._learned)

    def _check(self, images: Tensor) -> None:
        if len(images) != self.images_wanted:
            raise ValueError(
                f"images must hold components = {self.images_wanted} images, got {len(images)}; "
                "pass as many or set components"
            )
        if not bool(((images >= 0) & (images <= 1)).all()):
            raise ValueError(
                f"images must have values in [0, 1], got {float(images.min()):g} to "
                f"{float(images.max()):g}"
            )

    def forward(self) -> Mixture:
        """Return p(z), a mixture with event shape (dim,).

        Raises
        ------
        ValueError
            If `attach` was not called.
        """
        q = self._posteriors()
        logits = self._pseudo_inputs.new_zeros(q.batch_shape)
        weights = Categorical(logits=logits, validate_args=False)
        return Mixture(weights, q, validate_args=False)

    @property
    def _pseudo_inputs(self) -> Tensor:
        if self.pseudo_inputs is None or not self._encode:
            raise ValueError(
                "the vamp prior has no encoder yet; call prior.attach(encode, images) first"
            )
        return self.pseudo_inputs

    def _posteriors(self) -> Distribution:
        images = F.hardtanh(self._pseudo_inputs, 0.0, 1.0)
        return self._encode[0](images)

    def _draw(self, n: int, generator: torch.Generator | None) -> Tensor:
        q = self._posteriors()
        if not (isinstance(q, Independent) and isinstance(q.base_dist, Normal)):
            return self._draw_under_seed(n, generator)
        loc, scale = q.base_dist.loc, q.base_dist.scale
        index = torch.randint(len(loc), (n,), generator=generator, device=loc.device)
        return draw_normal(n, loc[index], scale[index], generator)

    def _draw_under_seed(self, n: int, generator: torch.Generator | None) -> Tensor:
        """Draw from posteriors that take no generator, under a seed from `generator`."""
        device = self._pseudo_inputs.device
        seed = torch.randint(2**62, (), generator=generator, device=device)
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(int(seed))
            codes: Tensor = self().sample((n,))
        return codes
