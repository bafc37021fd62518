"""The parts of zuko that are used, without its change of torch's defaults.

Importing zuko switches the validation of arguments off for every torch distribution of the
process; it is put back to what it was.
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
