"""Hooks of unweave-data."""

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")


@hookimpl
def unweave_datasets() -> dict[str, str]:
    """Name the data sets of this package."""
    return {
        "dsprites": "unweave_data.dsprites:dsprites",
        "mnist": "unweave_data.mnist:mnist",
        "fashion-mnist": "unweave_data.mnist:fashion_mnist",
        "lpc-sprites": "unweave_data.lpc_sprites:lpc_sprites",
        "digits": "unweave_data.digits:digits",
        "pinwheel": "unweave_data.pinwheel:pinwheel",
        "gaussian-mixture-100d": "unweave_data.projected_mixture:projected_mixture",
        "images": "unweave_data.folder:images",
        "npz": "unweave_data.arrays:npz",
        "hdf5": "unweave_data.arrays:hdf5",
    }
