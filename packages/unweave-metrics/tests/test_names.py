"""Frames, words, categories and vectors are taken; names of columns come back."""

import numpy as np
import pytest

import unweave_metrics as um
from unweave_metrics.catalogue import CATALOGUE

pd = pytest.importorskip("pandas")

NUMBERS = np.random.default_rng(0).integers(0, 3, size=(300, 3))
NOISE = np.random.default_rng(1).normal(size=(300, 4))
CODES = 0.3 * NOISE + np.pad(NUMBERS, ((0, 0), (0, 1)))
WORDS = np.array([["square", "ellipse", "heart"], ["s", "m", "l"], ["0", "1", "2"]])
FACTORS = pd.DataFrame({
    "shape": WORDS[0][NUMBERS[:, 0]],
    "size": pd.Categorical(WORDS[1][NUMBERS[:, 1]], ["s", "m", "l"], ordered=True),
    "count": pd.array(NUMBERS[:, 2], dtype="Int64"),
})  # fmt: skip
FRAME = pd.DataFrame(CODES, columns=["a", "b", "c", "d"])
OF_FACTORS = [
    name for name, entry in CATALOGUE.items() if entry.needs[:2] == ("codes", "factors")
]  # fmt: skip


@pytest.mark.parametrize("name", OF_FACTORS)
def test_words_and_frames_score_as_their_numbers(name):
    # Text is numbered in the order of the alphabet, categories in their own.
    numbers = NUMBERS.copy()
    numbers[:, 0] = np.array([2, 0, 1])[NUMBERS[:, 0]]
    metric = getattr(um, name)
    score, wanted = metric(FRAME, FACTORS), metric(CODES, numbers)
    assert float(score) == float(wanted)
    assert score.settings["factor_names"] == ("shape", "size", "count")
    assert score.settings["code_names"] == ("a", "b", "c", "d")
    assert "factor_names" not in wanted.settings


def test_one_dimension_is_one_factor():
    for vector in (NUMBERS[:, 0], NUMBERS[:, 0].tolist(), FACTORS["shape"], list(FACTORS["shape"])):
        assert um.linear_probe(CODES, vector) == um.linear_probe(CODES, NUMBERS[:, :1])


def test_test_rows_have_the_words_of_train_rows():
    train, test = FACTORS.iloc[:200], FACTORS.iloc[200:]
    # Alone, the test rows' words would have other numbers: one of them is missing there.
    kept = test[test["shape"] != "ellipse"]
    codes = CODES[200:][(test["shape"] != "ellipse").to_numpy()]
    score = um.linear_probe(CODES[:200], train, test_codes=codes, test_factors=kept)
    assert score.named("per_factor")["shape"] > 0.8
    table = um.evaluate(
        CODES[:200], train, metrics=["linear_probe"], test_codes=codes, test_factors=kept,
        bootstrap=0,
    )  # fmt: skip
    assert table["linear_probe"] == score


def test_parts_have_the_names():
    score = um.mig(FRAME, FACTORS)
    assert list(score.named("per_factor")) == ["shape", "size", "count"]
    frame = score.to_pandas("mutual_information")
    assert frame.loc["b", "size"] == score.parts["mutual_information"][1, 1]
    assert list(um.modularity(FRAME, FACTORS).named("per_code")) == ["a", "b", "c", "d"]
    alone = um.mutual_information_score(FRAME).to_pandas("mutual_information")
    assert list(alone.columns) == list(alone.index) == ["a", "b", "c", "d"]
    labels: list[object] = [*um.mig(CODES, NUMBERS).named("per_factor")]
    assert labels == [0, 1, 2]


def test_evaluate_names_what_is_left():
    table = um.evaluate(FRAME, FACTORS.assign(same="x"), metrics=["mig", "sap"], bootstrap=20)
    assert table["mig"].settings["factor_names"] == ("shape", "size", "count")
    assert table["mig"].interval is not None
    assert table.per_factor().loc["mig", "size"] == table["mig"].parts["per_factor"][1]


def test_intervals_of_frames():
    score = um.bootstrap(um.mig, FRAME, FACTORS, resamples=50)
    assert score.interval is not None
    assert score.settings["factor_names"] == ("shape", "size", "count")


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ([None] * 300, "column 'odd' must have a value in every row, got none in row 0"),
        (pd.array([1, 2, None] * 100, dtype="Int64"), r"got none in row 2 \(100 such rows\)"),
        (
            pd.date_range("2020", periods=300),
            "must hold numbers, text or categories, got datetime",
        ),
        ([1, "a"] * 150, "must hold either numbers or text, got 1 among other values"),
        ([0.5, np.nan] * 150, "must be finite, got nan in row 1"),
    ],
)
def test_what_is_neither_number_nor_word(column, words):
    with pytest.raises((ValueError, TypeError), match=words):
        um.mig(FRAME, FACTORS.assign(odd=column))


def test_codes_are_numbers():
    with pytest.raises(TypeError, match="codes must hold numbers, got text in column 'shape'"):
        um.mig(FACTORS, FACTORS)
