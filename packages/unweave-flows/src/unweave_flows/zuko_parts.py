"""The parts of zuko that this package uses, without its change of torch's defaults.

The import of zuko switches off the validation of arguments for all torch distributions of the
process; this module restores it.
"""

from torch.distributions import Distribution

_validates = Distribution._validate_args

from zuko.distributions import NormalizingFlow  # noqa: E402
from zuko.flows.autoregressive import MaskedAutoregressiveTransform  # noqa: E402
from zuko.flows.coupling import GeneralCouplingTransform  # noqa: E402
from zuko.transforms import ComposedTransform, MonotonicRQSTransform  # noqa: E402

Distribution.set_default_validate_args(bool(_validates))

__all__ = [
    "ComposedTransform",
    "GeneralCouplingTransform",
    "MaskedAutoregressiveTransform",
    "MonotonicRQSTransform",
    "NormalizingFlow",
]
