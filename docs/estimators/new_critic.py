"""Train a new critic on the codes of finished runs, and print what it sees of their TC.

Three minutes per run on one core:

    python docs/estimators/new_critic.py RUN ...
"""

import argparse

import torch
from study import Codes, train

from unweave import Run
from unweave_estimators import DensityRatio
from unweave_estimators.critics import standardize

CODES, HELD_OUT, BATCH, STEPS = 200_000, 20_000, 1024, 3000


def seen(codes: torch.Tensor) -> float:
    """Return the estimate of a critic that is trained on all codes but the last, for those."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    estimator = DensityRatio(codes.shape[1], width=256, dimension_wise=False)
    known, held_out = codes[:-HELD_OUT], codes[-HELD_OUT:]

    def batch() -> Codes:
        rows = torch.randint(len(known), (BATCH,), generator=generator)
        return Codes(known[rows], generator)

    for _ in train(estimator, batch, 1e-3, STEPS):
        pass
    with torch.no_grad():
        return float(estimator(Codes(held_out, generator))["total_correlation"])


def main() -> None:
    """Print one line per run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    torch.set_num_threads(1)
    for path in parser.parse_args().runs:
        codes = torch.from_numpy(Run.open(path).posterior_codes(CODES))
        order = torch.randperm(len(codes), generator=torch.Generator().manual_seed(0))
        print(f"{path}: {seen(standardize(codes[order])):.2f} nats", flush=True)


if __name__ == "__main__":
    main()
