"""torch.func.vmap, torch.func.grad and torch.compile over the batch estimates."""

import shutil

import pytest
import torch
from torch.distributions import Independent, Laplace

from unweave_estimators import (
    decompose,
    decompose_by_groups,
    gaussian_sums,
    inclusive_kl,
    total_correlation,
)

ESTIMATORS = ["mws", "mss", "loo"]
SEEDS, B, D = 3, 20, 4


def problems(seed=0):
    g = torch.Generator().manual_seed(seed)
    mean = torch.randn(SEEDS, B, D, generator=g, dtype=torch.float64)
    std = 0.1 + torch.rand(SEEDS, B, D, generator=g, dtype=torch.float64)
    return mean + std * torch.randn(SEEDS, B, D, generator=g, dtype=torch.float64), mean, std


def loss(estimator, **options):
    def of(z, mean, std):
        terms = decompose(z, mean, std, dataset_size=100, estimator=estimator, **options)
        return terms[0] + 3.0 * terms[1] + 0.7 * terms[2]

    return of


def assert_equals_a_loop(function, arguments):
    batched = torch.func.vmap(function)(*arguments)
    one_by_one = [function(*(x[k] for x in arguments)) for k in range(SEEDS)]
    torch.testing.assert_close(batched, torch.utils._pytree.tree_map(stack, *one_by_one))


def stack(*parts):
    return torch.stack(parts)


@pytest.mark.parametrize("constants", ["loo", "paper"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_vmap_over_seeds_equals_a_loop(estimator, constants):
    function = loss(estimator, constants=constants)
    assert_equals_a_loop(function, problems())
    assert_equals_a_loop(torch.func.grad(function, argnums=(0, 1, 2)), problems())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_vmap_of_another_family_equals_a_loop(estimator):
    def function(z, mean, std):
        posterior = Independent(Laplace(mean, std, validate_args=False), 1, validate_args=False)
        return total_correlation(z, posterior=posterior, dataset_size=100, estimator=estimator)

    assert_equals_a_loop(function, problems())
    assert_equals_a_loop(torch.func.grad(function, argnums=1), problems())


def test_vmap_of_groups_and_of_the_inclusive_kl_equals_a_loop():
    assert_equals_a_loop(
        lambda *x: decompose_by_groups(*x, groups=(1, 3), dataset_size=50)[2], problems()
    )
    z, mean, std = problems()
    assert_equals_a_loop(inclusive_kl, (mean, std, z))


@pytest.mark.parametrize("where", [(0, None, None), (None, 0, None), (None, None, 1)])
def test_vmap_over_one_argument_alone(where):
    z, mean, std = problems()
    arguments = [x if dim == 0 else x[0] for x, dim in zip((z, mean, std), where, strict=True)]
    if where[2] == 1:
        arguments[2] = std.movedim(0, 1)
    gradient = torch.func.grad(loss("loo"), argnums=(0, 1, 2))
    batched = torch.func.vmap(gradient, in_dims=where)(*arguments)
    for k in range(SEEDS):
        one = [
            x if dim is None else x.select(dim, k) for x, dim in zip(arguments, where, strict=True)
        ]
        torch.testing.assert_close(tuple(part[k] for part in batched), gradient(*one))


def test_grad_is_that_of_autograd_and_jacobians_exist():
    z, mean, std = (x[0] for x in problems())
    leaf = mean.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss("mss")(z, leaf, std), leaf)
    torch.testing.assert_close(torch.func.grad(loss("mss"), argnums=1)(z, mean, std), expected)

    def sums(mean):
        return gaussian_sums.gaussian_log_sum_exp(z, mean, std)[0]

    rows = torch.func.jacrev(sums)(mean)
    for i in (0, B - 1):
        torch.testing.assert_close(rows[i], torch.func.grad(lambda m, i=i: sums(m)[i])(mean))


def test_second_derivatives_are_refused_in_a_sentence():
    z, mean, std = (x[0] for x in problems())
    leaf = mean.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss("loo")(z, leaf, std), leaf, create_graph=True)
    with pytest.raises(NotImplementedError, match="have no second derivatives"):
        gradient.sum().backward()


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "backend",
    ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)],
)
@pytest.mark.filterwarnings("ignore::FutureWarning:torch", "ignore::DeprecationWarning")
def test_compiled_in_one_graph_it_is_the_same(backend, estimator):
    if backend == "inductor" and not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("torch.compile needs a C++ compiler on CPU")
    leaves = [x[0].float().requires_grad_() for x in problems()]
    torch.compiler.reset()
    compiled = torch.compile(loss(estimator), backend=backend, fullgraph=True)
    value, expected = compiled(*leaves), loss(estimator)(*leaves)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(
        torch.autograd.grad(value, leaves), torch.autograd.grad(expected, leaves)
    )
