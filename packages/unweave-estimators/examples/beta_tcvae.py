"""Train a beta-TCVAE on small squares with torch and unweave_estimators alone.

    python examples/beta_tcvae.py --beta 6 --steps 2000

Every image shows one white square: 9 places across, 9 down, 3 sizes, so that the data set has three
independent factors. Prints the terms of a batch while it trains (reconstruction in nats an image,
then index-code MI, total correlation and dimension-wise KL, in nats), at the end the terms of the
whole data set, where nothing is estimated, and how much of each factor every code explains.
"""

import argparse
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from unweave_estimators import decompose

SIDE, DIM = 12, 5


def squares() -> tuple[Tensor, Tensor]:
    """Return images, shape (243, 144), and their factors, shape (243, 3)."""
    images, factors = [], []
    for left, top, size in product(range(9), range(9), (2, 3, 4)):
        image = torch.zeros(SIDE, SIDE)
        image[top : top + size, left : left + size] = 1.0
        images.append(image.flatten())
        factors.append([left, top, size])
    return torch.stack(images), torch.tensor(factors, dtype=torch.float32)


class VAE(nn.Module):
    """A Gaussian encoder and a Bernoulli decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(SIDE**2, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(),
            nn.Linear(128, 2 * DIM),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(DIM, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(),
            nn.Linear(128, SIDE**2),
        )  # fmt: skip

    def encode(self, x: Tensor, g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return a code of each image, and the mean and std of its posterior."""
        mean, log_std = self.encoder(x).chunk(2, 1)
        std = log_std.exp()
        return mean + std * torch.randn(mean.shape, generator=g), mean, std

    def reconstruction(self, x: Tensor, z: Tensor) -> Tensor:
        """Return the mean negative log-likelihood of images, in nats."""
        return binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum") / len(x)


def explained(codes: Tensor, factors: Tensor) -> Tensor:
    """Return the squared correlation of every factor with every code, shape (3, DIM)."""
    rows = torch.cat([factors, codes], 1).T
    return torch.corrcoef(rows)[:3, 3:].square().nan_to_num()


def main() -> None:
    """Train, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beta", type=float, default=6.0, help="weight of the total correlation")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    torch.manual_seed(0)
    g = torch.Generator().manual_seed(0)
    data, factors = squares()
    vae = VAE()
    optimizer = torch.optim.Adam(vae.parameters(), lr=1e-3)
    for step in range(1, options.steps + 1):
        x = data[torch.randperm(len(data), generator=g)[: options.batch]]
        z, mean, std = vae.encode(x, g)
        reconstruction = vae.reconstruction(x, z)
        mi, tc, kl = decompose(z, mean, std, dataset_size=len(data), estimator="mws")
        loss = reconstruction + mi + options.beta * tc + kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % max(1, options.steps // 8) == 0:
            values = " ".join(f"{v.item():7.2f}" for v in (reconstruction, mi, tc, kl))
            print(f"step {step:5d} {values}")
    with torch.no_grad():
        z, mean, std = vae.encode(data, g)
        exact = decompose(z, mean, std, dataset_size=len(data))
        print("whole data set", *(f"{name} {v:.2f}" for name, v in exact._asdict().items()))
        for name, row in zip(("across", "down", "size"), explained(mean, factors), strict=True):
            print(f"{name:6}", " ".join(f"{r2:.2f}" for r2 in row))


if __name__ == "__main__":
    main()
