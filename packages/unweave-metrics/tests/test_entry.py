"""Arrays of any library and options of any kind: read by rule, or refused in one sentence."""

import itertools
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import unweave_metrics as um

FACTORS = np.random.default_rng(0).integers(0, 3, size=(90, 2))
CODES = FACTORS + 0.3 * np.random.default_rng(1).normal(size=FACTORS.shape)
EXPECTED = um.mig(CODES, FACTORS)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


DRESSES: dict[str, Callable[..., Any]] = {
    "lists": lambda a: a.tolist(),
    "tuple": tuple,
    "Fortran": np.asfortranarray,
    "read only": read_only,
    "swapped bytes": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "nothing masked": lambda a: np.ma.masked_array(a, mask=False),
    "matrix": lambda a: a.view(np.matrix),
    "extended precision": lambda a: a.astype(np.longdouble),
}


@pytest.mark.parametrize("name", [*DRESSES, "Foreign", "Exchanged"])
def test_arrays_of_any_kind_give_the_same_score(name, malformed):
    dress = DRESSES.get(name) or getattr(malformed, name)
    assert um.mig(dress(CODES), dress(FACTORS)) == EXPECTED
    table = um.evaluate(dress(CODES), dress(FACTORS), metrics="mig", bootstrap=5, progress=False)
    assert table["mig"] == EXPECTED
    assert um.bootstrap(um.mig, dress(CODES), dress(FACTORS), resamples=5) == EXPECTED


def test_frames_with_and_without_missing_numbers():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(FACTORS, columns=["shape", "size"])
    assert um.mig(pd.DataFrame(CODES), frame) == EXPECTED
    nullable = frame.astype({"shape": "Int64", "size": "Int8"})
    assert um.mig(CODES, nullable) == EXPECTED
    nullable.loc[3, "size"] = pd.NA
    with pytest.raises(
        ValueError, match="'size' must have a value in every row, got none in row 3"
    ):
        um.mig(CODES, nullable)
    with pytest.raises(TypeError, match="codes must hold numbers, got text"):
        um.mig(frame.astype({"size": str}), FACTORS)


def test_tensors_in_lists_and_tensors_that_are_views_are_read():
    torch = pytest.importorskip("torch")
    codes = torch.tensor(CODES, requires_grad=True)
    expected = um.mig(CODES, FACTORS)
    assert um.mig(list(codes), FACTORS) == expected
    assert um.mig(torch._neg_view(-codes.detach()), FACTORS) == expected
    assert um.mig(codes, list(torch.tensor(FACTORS))) == expected


class Exchanged:
    """An array that has nothing but DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_what_has_only_dlpack_is_read():
    expected = um.mig(CODES, FACTORS)
    assert um.mig(Exchanged(np.array(CODES)), Exchanged(np.array(FACTORS))) == expected
    torch = pytest.importorskip("torch")
    assert um.mig(Exchanged(torch.tensor(CODES)), FACTORS) == expected
    with pytest.raises(TypeError, match=r"codes must be an array.*use tensor.detach\(\)"):
        um.mig(Exchanged(torch.tensor(CODES, requires_grad=True)), FACTORS)


def test_arrays_of_jax_are_read():
    jax = pytest.importorskip("jax")
    numpy = jax.numpy
    codes = CODES.astype(np.float32)
    assert um.mig(numpy.asarray(codes), numpy.asarray(FACTORS)) == um.mig(codes, FACTORS)
    short = numpy.asarray(codes, numpy.bfloat16)
    assert um.mig(short, FACTORS) == um.mig(np.asarray(short.astype(numpy.float32)), FACTORS)
    with pytest.raises(TypeError, match="codes must be an array of numbers, jax.*Tracer"):
        jax.jit(lambda traced: float(um.mig(traced, FACTORS)))(codes)


def test_number_types_that_others_add_to_numpy_are_read_as_single_precision():
    added = pytest.importorskip("numpy._core._rational_tests").rational
    classes = np.asarray(np.rint(CODES), dtype=np.int64)
    foreign = classes.astype(added)
    assert foreign.dtype.kind == "V"  # as that of JAX's bfloat16
    assert um.mig(foreign, FACTORS) == um.mig(classes.astype(np.float32), FACTORS)
    with pytest.raises(TypeError, match="codes must hold numbers"):
        um.mig(np.zeros(CODES.shape, dtype="V4"), FACTORS)


def test_tensors_leave_gradients_behind():
    torch = pytest.importorskip("torch")
    codes = torch.tensor(CODES, requires_grad=True)
    assert um.mig(codes, torch.tensor(FACTORS)) == EXPECTED
    assert codes.grad is None
    rounded = codes.detach().bfloat16()
    assert um.mig(rounded, FACTORS) == um.mig(rounded.double().numpy(), FACTORS)


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (np.ma.masked_array(CODES, mask=CODES > 2), "must have no masked values, got"),
        (None, "must hold numbers"),
        ({"a": 1}, "must hold numbers"),
        (iter(CODES), "must hold numbers"),
        ([[1, 2], [3]], "must have rows of equal length"),
        (CODES.astype("M8[s]"), "must hold numbers"),
    ],
)
def test_what_cannot_be_read(codes, words):
    with pytest.raises((ValueError, TypeError), match=f"codes .*{words}") as raised:
        um.mig(codes, FACTORS)
    assert "\n" not in str(raised.value)


def test_a_conversion_that_fails_is_told(malformed):
    with pytest.raises(TypeError, match="Broken cannot be read: RuntimeError: device lost"):
        um.mig(malformed.Broken(), FACTORS)


def test_sparse_codes_are_refused_by_name():
    from scipy.sparse import csr_matrix

    with pytest.raises(TypeError, match="codes must be dense, got a sparse"):
        um.mig(csr_matrix(CODES), FACTORS)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("sap", {"C": 0}, "C must be a positive number"),
        ("sap", {"C": -1}, "C must be a positive number"),
        ("sap", {"C": np.inf}, "C must be a positive number"),
        ("sap", {"C": np.nan}, "C must be a positive number.*got nan"),
        ("sap", {"test_samples": 0}, "test_samples must be at least 1, got 0"),
        ("sap", {"test_samples": -5}, "test_samples must be at least 1, got -5"),
        ("dci", {"test_fraction": 1.5}, "test_fraction must be between 0 and 1, got 1.5"),
        ("dci", {"test_fraction": -0.5}, "test_fraction must be between 0 and 1"),
        ("dci", {"predictor": 5}, "predictor.* must be one of histogram-boosting.*got 5"),
        ("dci", {"predictor": dict}, "predictor.* must be one of"),
        ("dci", {"jobs": 0}, "jobs must be at least 1, or -1"),
        ("factor_vae", {"prune_std": np.nan}, "prune_std must be at least 0.*got nan"),
        ("factor_vae", {"train_votes": 10**30}, "train_votes must be at most"),
        ("mig", {"bins": 2.5}, "bins must be a whole number, got 2.5"),
        ("mig", {"bins": True}, "bins must be a whole number, got True"),
        ("mig", {"bins": 10**9}, "bins must be at most 65535"),
        ("mig", {"seed": -1}, "seed must be at least 0, got -1"),
        ("mig", {"preset": ["x"]}, "preset must be one of"),
        ("mig", {"factor_kinds": 5}, "factor_kinds must be 'class' or 'measurement'"),
        ("mig", {"bin_factors": "no"}, "bin_factors must be True or False, got 'no'"),
        ("irs", {"quantile": 0}, "quantile must be above 0 and at most 1, got 0"),
        ("rmig", {"low": 1e16, "high": 1e16 + 2}, "high - low must be large enough"),
    ],
)
def test_options_are_refused_by_rule(name, options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        getattr(um, name)(CODES, FACTORS, **options)
    try:  # as a row with that reason, or at once
        table = um.evaluate(CODES, FACTORS, metrics=name, bootstrap=0, **options)
    except (ValueError, TypeError) as error:
        assert re.search(words, str(error))  # noqa: PT017
    else:
        assert re.search(words, table.notes[0])


def test_other_functions_refuse_too():
    with pytest.raises(ValueError, match="level must be between 0 and 1, got 2"):
        um.summarize([0.1, 0.2], level=2)
    with pytest.raises(TypeError, match="name of a metric must be text, got 5"):
        um.find_metric(5)
    with pytest.raises(ValueError, match="scales must be a positive number.*got -1"):
        um.mmd(CODES, CODES, scales=(-1,))
    with pytest.raises(ValueError, match="kls must be divergences in nats, got nan"):
        um.udr([CODES, CODES], [[np.nan, 1], [1, 1]])
    with pytest.raises(ValueError, match="jobs must be at least 1, or -1"):
        um.evaluate(CODES, FACTORS, jobs=0)
    with pytest.raises(TypeError, match="metrics must be a list of names or functions, got 5"):
        um.evaluate(CODES, FACTORS, metrics=5)


def test_one_metric_by_its_name_and_test_rows_with_intervals():
    table = um.evaluate(CODES, FACTORS, metrics="mig", bootstrap=0)
    assert list(table) == ["mig"]
    rows = {"test_codes": CODES[:30], "test_factors": FACTORS[:30]}
    names = ["sap", "dci", "explicitness", "linear_probe", "mig"]
    table = um.evaluate(CODES, FACTORS, metrics=names, bootstrap=5, progress=False, **rows)
    assert table["sap"] == um.sap(CODES, FACTORS, **rows)
    assert all(score.interval for score in table.values())


def test_swapped_arguments_are_seen():
    from sklearn.base import BaseEstimator
    from sklearn.metrics import make_scorer

    def predict(self, X):
        return X

    encoder = type("Encoder", (BaseEstimator,), {"predict": predict})()
    with pytest.raises(ValueError, match="codes must be the first argument"):
        make_scorer(um.mig)(encoder, CODES, FACTORS)
    with pytest.raises(ValueError, match="codes must be the first argument"):
        um.evaluate(FACTORS, CODES)
    assert um.mig(FACTORS.astype(float), CODES) >= 0


def test_images_with_channels_first_and_integers_beyond_a_byte():
    images = np.random.default_rng(0).random((4, 16, 16, 3))
    with pytest.raises(ValueError, match=r"channels last, \(n, h, w, c\), got \(4, 3, 16, 16\)"):
        um.laplacian_variance(np.moveaxis(images, 3, 1))
    with pytest.raises(ValueError, match="of integers must lie in 0 to 255"):
        um.psnr((images * 65535).astype(np.uint16), images)


def test_metrics_that_a_study_scored_are_known_and_follow_its_preset():
    from unweave_metrics.presets import parts_of

    parts = {part: name for name in um.preset_names() for part in parts_of(name)}
    assert set(parts.values()) == {"gaujac2021"}
    for part, preset in parts.items():
        assert (part.codes, part.on) in itertools.product(("mean", "sampled"), ("train", "holdout"))
        for metric in part.metrics:
            assert preset in um.find_metric(metric).presets
    with pytest.raises(ValueError, match="preset must be one of .*got 'nobody2000'"):
        parts_of("nobody2000")


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble])
def test_options_of_any_precision_are_numbers(kind):
    codes = np.random.default_rng(0).normal(size=(50, 3))
    score = um.active_units(codes, threshold=kind(0.25))
    assert score == um.active_units(codes, threshold=0.25)
    assert type(score.settings["threshold"]) is float
    with pytest.raises(ValueError, match="threshold must be at least 0 and at most 1e100, got"):
        um.active_units(codes, threshold=kind(np.inf))


def test_presets_that_say_nothing_about_a_metric_are_not_named():
    assert um.mig(CODES, FACTORS, preset="kim2018").settings["preset"] == "locatello2019, every row"
    assert um.mig(CODES, FACTORS, preset="gaujac2021").settings["preset"] == "gaujac2021"
    score = um.z_min_var(CODES, FACTORS, preset="carbonneau2022", train_votes=9, eval_votes=9)
    assert score.settings["preset"] == "carbonneau2022"


def test_scores_that_are_not_finite_say_why():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score = um.gaussian_total_correlation(CODES * [1, 0])
        assert np.isnan(score)
        assert "constant code" in score.notes[0]
        assert "single factor" in um.dci(CODES, FACTORS[:, :1]).notes[0]
        images = np.zeros((2, 8, 8))
        assert "equals its image" in um.psnr(images, images).notes[0]
        dead = um.mig(CODES * [1, 0], FACTORS, preset="carbonneau2022")
        assert "dead_codes='nan'" in dead.notes[0]
