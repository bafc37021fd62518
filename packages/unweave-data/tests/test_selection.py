import numpy as np
import pytest
from narrowing import present

from unweave_data import ArrayDataset, load, select
from unweave_data.conditions import evaluate_condition
from unweave_data.selection import Subset

GRID = np.indices((3, 4, 5)).reshape(3, -1).T


@pytest.fixture
def data():
    images = np.arange(60, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    return ArrayDataset(images, factors=GRID, factor_values=GRID / 2, factor_names=["a", "b", "c"])


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("a == 1", GRID[:, 0] == 1),
        ("a != 1 and b < 2", (GRID[:, 0] != 1) & (GRID[:, 1] < 2)),
        ("not (a == 1 or b == 2)", ~((GRID[:, 0] == 1) | (GRID[:, 1] == 2))),
        ("0 < c <= 3", (GRID[:, 2] > 0) & (GRID[:, 2] <= 3)),
        ("abs(b - c) < 2", np.abs(GRID[:, 1] - GRID[:, 2]) < 2),
        ("c.value > 0.5", GRID[:, 2] / 2 > 0.5),
        ("c in (0, 4)", np.isin(GRID[:, 2], (0, 4))),
        ("c not in [0, 4]", ~np.isin(GRID[:, 2], (0, 4))),
        ("(a + b * 2) % 3 == 0", (GRID[:, 0] + GRID[:, 1] * 2) % 3 == 0),
        ("-c < -2", GRID[:, 2] > 2),
    ],
)
def test_conditions(data, condition, expected):
    assert (evaluate_condition(condition, data.all_factors) == expected).all()
    kept = select(data, keep=condition)
    assert (kept.images(np.arange(len(kept)))[:, 0, 0, 0] == np.flatnonzero(expected)).all()
    assert (present(kept.excluded).images([0])[0, 0, 0, 0] == np.flatnonzero(~expected)[0]).all()


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("a ==", "write it like"),
        ("a", "is not a comparison"),
        ("1 < 2", "is not a comparison"),
        ("d == 1", "the factors are a, b, c"),
        ("a == 'x'", "not allowed in a condition"),
        ("__import__('os').system('true')", "not allowed in a condition"),
        ("a.__class__ == 1", "not allowed in a condition"),
        ("[x for x in a] == 1", "not allowed in a condition"),
        ("(lambda: 1)() == 1", "not allowed in a condition"),
        ("a ** 9999999 > 1", "not allowed in a condition"),
        ("a == 1e99", "not allowed in a condition"),
        ("a == 10**9**9", "not allowed in a condition"),
        ("a is 1", "=="),
        ("a % 0 == 1", "cannot be computed"),
        ("a in b", "not allowed in a condition"),
        ("not a", "not allowed in a condition"),
        ("(" * 500 + "a" + ")" * 500, "write it like"),
        ("a == 1 and " * 400 + "a == 1", "at most 2000"),
    ],
)
def test_what_is_no_condition_is_refused(data, complaint, condition, words):
    message = complaint(select, data, keep=condition)
    assert words in message
    assert len(message) < 400


def test_every_row_is_in_one_part(data):
    train = select(data, keep="a < 2", correlate="b~c:0.3", holdout=0.25)
    parts = [
        present(part).images(np.arange(len(part)))[:, 0, 0, 0]
        for part in (train, train.holdout, train.excluded)
    ]
    assert np.sort(np.concatenate(parts)).tolist() == list(range(60))
    assert len(parts[1]) == round(0.25 * (len(parts[0]) + len(parts[1])))
    again = select(data, keep="a < 2", correlate="b~c:0.3", holdout=0.25, part="holdout")
    assert (again.images(np.arange(len(again)))[:, 0, 0, 0] == parts[1]).all()
    assert (train.factors == GRID[parts[0]]).all()
    assert (train.factor_values == GRID[parts[0]] / 2).all()
    assert (present(train.stored())[:, 0, 0, 0] == parts[0]).all()


def test_factors_that_no_longer_vary_are_left_out(data):
    kept = select(data, keep="b == 2")
    assert kept.factor_names == ("a", "c")
    assert "left out b" in kept.note


def test_correlation_of_two_positions_is_that_of_the_ridge():
    kept = load("dsprites", resolution=16, correlate="position_x~position_y:0.2")
    x, y = present(kept.factors)[:, 3:5].T / 31
    grid = np.indices((32, 32)).reshape(2, -1) / 31
    weight = np.exp(-((grid[0] - grid[1]) ** 2) / (2 * 0.2**2))
    expected = np.cov(grid, aweights=weight)
    assert np.corrcoef(x, y)[0, 1] == pytest.approx(
        expected[0, 1] / np.sqrt(expected[0, 0] * expected[1, 1]), abs=0.01
    )
    assert len(kept) / 737_280 == pytest.approx(weight.mean(), rel=0.01)


def test_held_out_combinations_of_dsprites():
    condition = "not (shape == 0 and position_x.value > 0.5)"
    train = load("dsprites", resolution=16, keep=condition)
    assert len(train) == 737_280 - 737_280 // 6
    assert (present(present(train.excluded).factors)[:, -2] >= 16).all()
    assert present(train.excluded).factor_names == (
        "scale",
        "orientation",
        "position_x",
        "position_y",
    )
    assert isinstance(train, Subset)
    rows = train.rows[[0, 99]]
    assert (train.images([0, 99]) == load("dsprites", resolution=16).images(rows)).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"holdout": -1}, "holdout"),
        ({"holdout": 60}, "below 60"),
        ({"holdout": 1.5}, "holdout"),
        ({"holdout": float("nan")}, "holdout"),
        ({"keep": "a == 7"}, "no image"),
        ({"keep": "a == a", "part": "excluded"}, "part excluded has no images"),
        ({"part": "test"}, "train, holdout, excluded"),
        ({"part": "holdout"}, "holdout="),
        ({"correlate": "a~b"}, "NAME~NAME:WIDTH"),
        ({"correlate": "a~b:0"}, "NAME~NAME:WIDTH"),
        ({"correlate": "a~d:1"}, "no factor 'd'"),
    ],
)
def test_selections_that_cannot_be_made_are_refused(data, complaint, options, words):
    assert words in complaint(select, data, **options)


def test_without_factors_only_rows_can_be_held_out(complaint):
    images = ArrayDataset(np.zeros((9, 4, 4)))
    assert "are unknown" in complaint(select, images, keep="a == 1")
    assert "are unknown" in complaint(select, images, correlate="a~b:1")
    assert len(select(images, holdout=3)) == 6
