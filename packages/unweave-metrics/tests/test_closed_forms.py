"""Scores against closed forms, brute force and other libraries."""

import doctest
import importlib.util
import inspect
import pkgutil

import numpy as np
import pytest

import unweave_metrics as um


def test_doctests():
    # Extras: their examples need them.
    extras = {"unweave_metrics.torch": "torch", "unweave_metrics.pairs.ssim": "skimage"}
    tried = 0
    for found in pkgutil.walk_packages(um.__path__, "unweave_metrics."):
        if importlib.util.find_spec(extras.get(found.name, "numpy")) is None:
            continue
        module = importlib.import_module(found.name)
        failed, count = doctest.testmod(module, extraglobs={"np": np})
        assert failed == 0, module.__name__
        tried += count + wrapped_doctests(module)
    assert tried > 150


def wrapped_doctests(module):
    """Run the examples of decorated functions, which doctest takes for another module's."""
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    for name, value in vars(module).items():
        if hasattr(value, "__wrapped__") and value.__module__ == module.__name__:
            for test in finder.find(inspect.unwrap(value), name, globs=vars(module) | {"np": np}):
                runner.run(test)
    assert runner.failures == 0, module.__name__
    return runner.tries


def test_total_correlation_of_gaussians():
    rho = 0.8
    rng = np.random.default_rng(0)
    codes = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=4000)
    exact = -0.5 * np.log(1 - rho**2)
    assert um.gaussian_total_correlation(codes) == pytest.approx(exact, abs=0.03)
    assert um.total_correlation_knn(codes) == pytest.approx(exact, abs=0.06)


def test_frechet_distance_of_gaussians():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 2))
    y = rng.normal(size=(20_000, 2)) * [2, 3] + [1, 0]
    # |m|^2 + sum (s - 1)^2 for axis-aligned covariances.
    assert um.frechet_distance(x, y) == pytest.approx(1 + 1 + 4, rel=0.05)


def test_mmd_by_brute_force():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(9, 3)) + 1

    def k(a, b):
        return sum(6 * s / (6 * s + ((a - b) ** 2).sum()) for s in (0.5, 1.0))

    xx = np.mean([k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    yy = np.mean([k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j])
    xy = np.mean([k(a, b) for a in x for b in y])
    found = um.mmd(x, y, scales=(0.5, 1.0))
    assert found == pytest.approx(xx + yy - 2 * xy, abs=1e-12)


def test_kernel_distance_by_brute_force():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 3))

    def k(a, b):
        return (a @ b / 3 + 1) ** 3

    xx = np.mean([k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    yy = np.mean([k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j])
    xy = np.mean([k(a, b) for a in x for b in y])
    assert um.kernel_distance(x, y) == pytest.approx(xx + yy - 2 * xy, abs=1e-12)


def test_single_code_machine_is_scikit_learns():
    from sklearn.svm import LinearSVC

    from unweave_metrics.predictors._svm import fit_one_code

    rng = np.random.default_rng(0)
    for classes in (2, 5):
        labels = rng.integers(0, classes, size=400)
        code = labels + rng.normal(size=400)
        slopes, intercepts = fit_one_code(code, labels, classes, 0.01, True)
        model = LinearSVC(C=0.01, class_weight="balanced", dual=False, tol=1e-10, max_iter=10_000)
        model.fit(code[:, None], labels)
        own = slopes[1:] if classes == 2 else slopes
        assert own == pytest.approx(model.coef_[:, 0], abs=1e-6)
        own = intercepts[1:] if classes == 2 else intercepts
        assert own == pytest.approx(model.intercept_, abs=1e-6)


def test_logistic_regression_is_scikit_learns():
    from sklearn.linear_model import LogisticRegression

    from unweave_metrics._logistic import fit_logistic

    rng = np.random.default_rng(0)
    for classes in (2, 4):
        labels = rng.integers(0, classes, size=300)
        inputs = labels[:, None] + rng.normal(size=(300, 3))
        model = LogisticRegression(tol=1e-8, max_iter=1000).fit(inputs, labels)
        ours = fit_logistic(inputs, labels, classes, tolerance=1e-8, max_iter=1000)
        expected = model.predict_proba(inputs)
        assert ours.probabilities(inputs) == pytest.approx(expected, abs=1e-5)


def test_area_under_the_curve_is_scikit_learns():
    from sklearn.metrics import roc_auc_score

    from unweave_metrics.predictors.explicitness import mean_area

    rng = np.random.default_rng(0)
    chance = rng.random((100, 3)).round(1)
    labels = rng.integers(0, 3, size=100)
    expected = np.mean([roc_auc_score(labels == c, chance[:, c]) for c in range(3)])
    assert mean_area(chance, labels) == pytest.approx(expected, abs=1e-12)


def test_images():
    x = np.random.default_rng(0).random((3, 8, 8, 1))
    y = np.clip(x + 0.1, 0, 1)
    found = um.reconstruction_error(x, y)
    assert found == pytest.approx(
        sum((p[0] - p[1]) ** 2 for p in np.stack([x.ravel(), y.ravel()], 1)) / 3
    )
    ramp = np.broadcast_to(np.arange(8.0), (2, 8, 8)) / 8
    assert um.laplacian_variance(ramp) == pytest.approx(0, abs=1e-20)
    checks = np.indices((8, 8)).sum(axis=0)[None] % 2 * 1.0
    # The Laplacian of a chequerboard is +4 and -4 in turn.
    assert um.laplacian_variance(checks) == pytest.approx(16)


def test_kernels_work_where_nothing_may_be_written(tmp_path, monkeypatch):
    from unweave_metrics._compiled import Kernel

    monkeypatch.setattr("numba.core.caching.CacheImpl.__init__", _no_place)

    @Kernel
    def double(x):
        return 2 * x

    assert double(3) == 6


def _no_place(self, *arguments):
    raise RuntimeError("cannot cache function: no locator available")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("ensemble", "ExtraTreesClassifier"),
        ("ensemble", "RandomForestRegressor"),
        ("tree", "DecisionTreeRegressor"),
        ("linear_model", "LogisticRegression"),
        ("linear_model", "Ridge"),
    ],
)
def test_dci_with_any_estimator_that_has_importances(module, name):
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 4, size=(400, 2))
    codes = factors + 0.1 * rng.normal(size=factors.shape)
    estimator = getattr(importlib.import_module(f"sklearn.{module}"), name)()
    score = um.dci(codes, factors, predictor=estimator)
    assert score > 0.6
    assert (score.parts["importance"].argmax(axis=0) == [0, 1]).all()
    assert score.parts["informativeness"] > 0.8
    assert ("nrmse" in score.parts) == (
        name in ("RandomForestRegressor", "DecisionTreeRegressor", "Ridge")
    )


@pytest.mark.parametrize("score", [um.factor_vae, um.z_min_var, um.z_max_var])
def test_votes_of_no_active_code_are_no_score(score):
    factors = np.random.default_rng(0).integers(0, 3, size=(300, 2))
    found = score(1e-4 * factors, factors, prune_std=0.05)
    assert np.isnan(found)
    assert found.notes == ("no code is active: each varies by less than 0.05",)
    assert not found.parts["votes"].any()


@pytest.mark.parametrize("score", [um.z_min_var, um.z_max_var])
@pytest.mark.parametrize("scale", [0.0, 1e-4, 1.0])
def test_factors_that_cannot_be_held_are_refused_whatever_the_codes_are(score, scale):
    # Values of the first factor, and of all but the second, are those of one row each.
    factors = np.column_stack([np.arange(60), np.arange(60) % 2])
    codes = scale * np.random.default_rng(0).normal(size=(60, 3))
    with pytest.raises(ValueError, match="there are none for column"):
        score(codes, factors, prune_std=0.05, factor_kinds="class", bins=3)


def test_votes_are_not_drawn_where_no_code_can_be_voted_for(monkeypatch):
    from unweave_metrics.interventions import _votes

    def refuse(*arguments, **options):
        raise AssertionError("drawn")

    monkeypatch.setattr(_votes, "draw_batches", refuse)
    factors = np.random.default_rng(0).integers(0, 3, size=(300, 2))
    assert um.factor_vae(np.zeros((300, 2)), factors) == 0.0
    with pytest.raises(AssertionError, match="drawn"):
        um.factor_vae(factors * 1.0, factors)


def test_dci_refuses_an_estimator_without_importances():
    from sklearn.neighbors import KNeighborsClassifier

    factors = np.random.default_rng(0).integers(0, 2, size=(60, 2))
    with pytest.raises(ValueError, match="KNeighborsClassifier has neither"):
        um.dci(factors + 0.0, factors, predictor=KNeighborsClassifier())


@pytest.mark.parametrize("scale", [1e8, 1e30, 1e160, 1e300])
def test_points_of_codes_of_any_large_size_are_told_apart(scale):
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 4, size=(500, 3))
    codes = factors + 0.3 * rng.normal(size=factors.shape)
    for metric in (um.z_diff, um.beta_vae):
        score = metric(codes * scale, factors, train_points=400, eval_points=200)
        assert score == pytest.approx(1.0, abs=0.01)
