"""Quadrature over the whole line and the whole plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """Ascending nodes and their weights: the integral of f is sum weights * f(nodes)."""

    low: float
    nodes: Array
    weights: Array

    def distribution(self, density: Array, z: Array) -> Array:
        """Evaluate at z (n,) the distribution function of a density, from its values at the nodes.

        The mass is summed node by node and interpolated in between. It is divided by the total, so
        that a wrong normalisation has no effect here.
        """
        cells = self.low + np.concatenate([[0.0], np.cumsum(self.weights)])
        mass = np.concatenate([[0.0], np.cumsum(self.weights * density)])
        values: Array = np.interp(z, cells, mass / mass[-1])
        return values


def rule(
    support: tuple[float, float], *, length: float, reach: float, panels: int, order: int
) -> Rule:
    """Build a composite Gauss-Legendre rule whose panels widen away from the origin.

    Panel edges are length * sinh(t) for equally spaced t: panels are fine near zero, and the rule
    reaches far into heavy tails. A finite end of the support is a panel edge, so that a jump of
    the density there costs no accuracy.

    Parameters
    ----------
    support : two floats, possibly infinite
        Interval outside of which the density is zero.
    length : float
        Scale on which the density varies near the origin.
    reach : float
        Largest node, in units of `length`; the mass beyond is neglected.
    panels : int
        Number of panels; an even number makes the origin an edge.
    order : int
        Number of nodes in each panel.
    """
    low, high = (float(np.clip(end, -length * reach, length * reach)) for end in support)
    t = np.linspace(-np.arcsinh(reach), np.arcsinh(reach), panels + 1)
    inner = length * np.sinh(t)
    edges = np.concatenate([[low], inner[(inner > low) & (inner < high)], [high]])
    nodes, weights = np.polynomial.legendre.leggauss(order)
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    return Rule(
        low,
        (middle[:, None] + half[:, None] * nodes).ravel(),
        (half[:, None] * weights).ravel(),
    )
