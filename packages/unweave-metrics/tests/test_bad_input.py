"""Every wrong input is one sentence that names the argument and what came."""

import re
from typing import Any

import numpy as np
import pytest

import unweave_metrics as um
from unweave_metrics.catalogue import CATALOGUE

GOOD = np.random.default_rng(0).normal(size=(60, 3))
CLASSES = np.random.default_rng(1).integers(0, 3, size=(60, 2))
METRICS = [name for name, entry in CATALOGUE.items() if "factors" in entry.needs]
ALONE = [name for name, entry in CATALOGUE.items() if entry.needs == ("codes",)]
SETS = ["mmd", "frechet_distance", "kernel_distance"]
IMAGES = [name for name, entry in CATALOGUE.items() if "images" in entry.needs]


def with_value(value):
    codes = GOOD.copy()
    codes[3, 1] = value
    return codes


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize(
    ("codes", "factors", "words"),
    [
        (with_value(np.nan), CLASSES, "codes must be finite, got nan in row 3, column 1"),
        (with_value(np.inf), CLASSES, "codes must be finite, got inf"),
        (GOOD[:1], CLASSES[:1], "at least 2 rows"),
        (GOOD[:, 0], CLASSES, r"codes must have shape \(n, d\), got \(60,\)"),
        (GOOD, CLASSES[:50], r"must have as many rows as codes \(60\), got 50"),
        (GOOD.astype(object), CLASSES, "codes must hold numbers"),
        (GOOD, CLASSES.astype(complex), "factors must hold numbers"),
        ([[1, 2], [3]], CLASSES, "codes must"),
    ],
)
def test_wrong_arrays(name, codes, factors, words):
    with pytest.raises((ValueError, TypeError), match=words) as raised:
        getattr(um, name)(codes, factors)
    assert "\n" not in str(raised.value)


WRONG = [
    (with_value(np.nan), "must be finite, got nan in row 3, column 1"),
    (with_value(-np.inf), "must be finite, got -inf"),
    (GOOD[:1], "must have at least 2 rows"),
    (GOOD[:, 0], r"must have shape \(n, d\), got \(60,\)"),
    (GOOD[:, :0], "must have at least 2 rows and one column"),
    (GOOD.astype(object), "must hold numbers"),
    (GOOD.astype(complex), "must hold numbers"),
    (GOOD.astype(str), "must hold numbers"),
]


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize(("codes", "words"), WRONG)
def test_wrong_codes(name, codes, words):
    check_sentence(lambda: getattr(um, name)(codes), "codes " + words)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("x", "words"), WRONG)
def test_wrong_sets(name, x, words):
    check_sentence(lambda: getattr(um, name)(x, GOOD), "x " + words)
    check_sentence(
        lambda: getattr(um, name)(GOOD, GOOD[:, :2]), r"y must have as many columns as x \(3\)"
    )


@pytest.mark.parametrize(("codes", "words"), WRONG)
def test_wrong_models(codes, words):
    check_sentence(lambda: um.udr([GOOD, codes]), r"representations\[1\] " + words)
    check_sentence(lambda: um.udr([GOOD]), "at least two models, got 1")
    check_sentence(lambda: um.udr([GOOD, GOOD[:50]]), "must have equal shapes")
    check_sentence(lambda: um.udr([GOOD, GOOD], [np.ones(2)] * 2), "kls must have one array")


def check_sentence(call, words):
    """Expect an error of one sentence with these words."""
    with pytest.raises((ValueError, TypeError), match=words) as raised:
        call()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", [name for name in METRICS if name != "mcc"])
def test_one_class(name):
    factors = np.column_stack([CLASSES, np.full(60, 4)])
    check_sentence(lambda: getattr(um, name)(GOOD, factors), "column 2; drop that column")


@pytest.mark.parametrize("name", ["mig", "sap", "jemmig", "rmig"])
def test_one_code(name):
    check_sentence(lambda: getattr(um, name)(GOOD[:, :1], CLASSES), "at least two codes")


@pytest.mark.parametrize(
    "name", ["mig_sup", "dcimig", "modularity", "beta_vae", "z_diff", "z_min_var", "z_max_var"]
)
def test_one_factor(name):
    check_sentence(lambda: getattr(um, name)(GOOD, CLASSES[:, :1]), "at least two factors")


@pytest.mark.parametrize("name", METRICS)
def test_more_factors_than_codes_is_fine(name):
    factors = np.random.default_rng(2).integers(0, 2, size=(60, 5))
    if name in ("dmig", "xmig", "dlig"):  # each factor has a code of its own
        words = r"codes must have at least one column per factor \(5\), got 2"
        check_sentence(lambda: getattr(um, name)(GOOD[:, :2], factors), words)
        return
    assert max(-1 / 2, CATALOGUE[name].bounds[0]) <= getattr(um, name)(GOOD[:, :2], factors) <= 1


@pytest.mark.parametrize("name", METRICS)
def test_two_rows_score_or_say_why_not(name):
    try:
        assert np.isfinite(getattr(um, name)(GOOD[:2], np.array([[0, 1], [1, 0]])))
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert re.search("must (not )?(have|be)", str(error))  # noqa: PT017


@pytest.mark.parametrize("name", IMAGES)
def test_wrong_images(name):
    good = np.random.default_rng(3).random((2, 8, 8, 1))
    call = getattr(um, name)
    check_sentence(lambda: call(good[0, 0], good), "images must have shape")
    check_sentence(lambda: call(good * np.nan, good), "images must be finite")
    check_sentence(lambda: call(good, good[:1]), "reconstructions must have the shape of images")
    check_sentence(lambda: call(good.astype(object), good), "images must hold numbers")


def test_unknown_words():
    with pytest.raises(ValueError, match="preset must be one of locatello2019.*'locatelo'"):
        um.mig(GOOD, CLASSES, preset="locatelo")
    with pytest.raises(ValueError, match="known: mig, "):
        um.evaluate(GOOD, CLASSES, metrics=["migg"])
    with pytest.raises(ValueError, match="option 'binz'"):
        um.evaluate(GOOD, CLASSES, binz=3)
    with pytest.raises(ValueError, match="test_codes and test_factors need each other"):
        um.sap(GOOD, CLASSES, test_codes=GOOD)
    with pytest.raises(ValueError, match="bins must be at least 1"):
        um.mig(GOOD, CLASSES, bins=0)


def test_evaluate_leaves_out_a_constant_factor_and_says_so():
    factors = np.column_stack([np.zeros(60, dtype=int), CLASSES])
    table = um.evaluate(GOOD, factors, metrics=["mig"])
    assert table["mig"] == um.mig(GOOD, CLASSES)
    assert table.notes == ["factors: left out column 0, which is constant"]


def test_cross_entropy_wants_the_unit_range():
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        um.reconstruction_error(np.full((2, 4, 4), 2.0), np.zeros((2, 4, 4)), loss="cross-entropy")


TABLE = um.ScoreTable({"mig": um.Score(0.5, name="mig")})


class Broken:
    """An object that raises whatever it is asked."""

    def __getattr__(self, name):
        raise RuntimeError("gone")

    def __repr__(self):
        raise RuntimeError("gone")


def odd(value: Any) -> Any:
    """Return what is no argument of that place, as a caller without types would give it."""
    return value


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: um.compare([TABLE]), "models must map the name of each model to its tables"),
        (lambda: um.compare(TABLE), "models must map the name of each model to its tables"),
        (lambda: um.compare({}), "models must name at least one model"),
        (lambda: um.compare({"vae": []}), r"models\['vae'\] must hold at least one table"),
        (lambda: um.compare({"vae": odd(3)}), r"models\['vae'\] must be a list of tables"),
        (lambda: um.rank_correlation([]), "runs must hold at least one table, got none"),
        (lambda: um.rank_correlation([odd({"mig": 0.5})]), "runs must be a list of tables"),
        (lambda: um.rank_correlation({"mig": odd(3)}), r"must hold one score per seed"),
        (lambda: um.rank_correlation([TABLE], metrics=[odd(3)]), "metrics must be names"),
        (lambda: um.scorer(3), "metrics must be a list of names or functions, got 3"),
        (lambda: um.score_codes(Broken(), GOOD), "estimator must have transform"),
        (lambda: um.evaluate(GOOD, CLASSES, metrics=[int]), "with known argument names"),
        (lambda: um.settings_for("dci", None, 3), "given must map settings to values, got 3"),
        (lambda: um.mig(Broken(), CLASSES), "codes must be an array of numbers"),
        (lambda: um.mig(GOOD, CLASSES, bins=Broken()), "bins must be a whole number, got a Broken"),
        (lambda: um.active_units(GOOD, threshold=10**400), "threshold must be at least 0 and at"),
        (lambda: um.active_units(GOOD, threshold=-(10**400)), "threshold must be at least 0 and"),
        (lambda: um.bootstrap(lambda x: [1, 2], GOOD), "must return one number or a Score"),
        (lambda: um.bootstrap(lambda x: None, GOOD), "must return one number or a Score"),
        (lambda: TABLE["mig"].named("per_code"), "part must be one of none; got 'per_code'"),
        (lambda: um.Score.from_json("mig"), "text must be what to_json gave, got 'mig'"),
        (lambda: um.Score.from_dict({"value": "x"}), "stored must have a number as its value"),
        (lambda: um.Score.from_json('{"value": 1, "interval": 3}'), "and two as its interval"),
        (lambda: um.Score.from_dict([3]), r"stored must be what to_dict gave, got \[3\]"),
        (lambda: um.read_code_table(3), "path must be the path of a code table, got 3"),
        (lambda: um.write_code_table(GOOD, GOOD), "path must be the path of a code table"),
        (lambda: um.write_code_tables("a.h5", {"a": odd(GOOD)}), "tables must map names to"),
    ],
)  # fmt: skip
def test_what_is_not_an_array_is_one_sentence_too(call, words):
    check_sentence(call, words)


def test_a_row_of_a_function_that_gives_no_number_says_so():
    def pair(codes):
        return [0.5, 0.5]

    table = um.evaluate(GOOD, CLASSES, metrics=[pair, "mig"], bootstrap=0)
    assert np.isnan(table["pair"])
    assert table.notes == ["pair: pair must return one number or a Score, got [0.5, 0.5]"]


def test_a_score_too_large_to_average_has_no_interval_and_says_so():
    def huge(codes):
        return 1.7e308 * np.sign(codes[0, 0])

    score = um.evaluate(GOOD, CLASSES, metrics=huge, bootstrap=20, progress=False)["huge"]
    assert score.interval is None
    assert "too large for a mean" in score.notes[0]


def test_no_metric_is_refused():
    for call in (um.evaluate, lambda z, y, **options: um.scorer(options["metrics"])):
        check_sentence(lambda call=call: call(GOOD, CLASSES, metrics=[]), "at least one metric")


def test_a_stored_interval_without_ends_comes_back():
    score = um.Score(0.5, interval=(np.nan, 1.0))
    back = um.Score.from_json(score.to_json()).interval
    np.testing.assert_array_equal(back, (np.nan, 1.0))
