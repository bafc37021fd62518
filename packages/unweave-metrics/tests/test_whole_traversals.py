"""Flatness, linearity and ground-truth distances: closed forms, brute force, gaps in the grid."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

import unweave_metrics as um
from unweave_metrics.interventions import _groups, ground_truth_distances
from unweave_metrics.interventions._traversals import table_of, whole_traversals

THREE = ("flatness", "linearity", "ground_truth_distances")


def grid(*sizes):
    axes = np.meshgrid(*map(np.arange, sizes), indexing="ij")
    return np.stack(axes, axis=-1).reshape(-1, len(sizes))


def turned(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]])


FACTORS = grid(4, 3, 5)


def gappy(seed=0):
    """Return codes and factors of a grid without some rows, shuffled, some rows coming twice."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(FACTORS))[:53]
    factors = FACTORS[np.append(rows, rows[:9])]
    a, b, c = factors.T
    codes = np.stack([a, b * c, c + a, 0 * a], axis=1) + rng.normal(size=(len(factors), 4))
    return codes, factors


def lines(factors, k):
    """Return the rows of whole traversals of a factor by looking at every row."""
    traversals, sizes = [], factors.max(axis=0) + 1
    for state in np.unique(factors, axis=0):
        if state[k] == 0:
            states = np.tile(state, (sizes[k], 1))
            states[:, k] = np.arange(sizes[k])
            places = [np.flatnonzero((factors == row).all(axis=1)) for row in states]
            if all(map(len, places)):
                traversals.append([place[0] for place in places])
    return np.array(traversals)


def test_whole_traversals_are_those_that_a_search_finds():
    _, factors = gappy()
    for k in range(3):
        found = whole_traversals(factors.T, k)
        wanted = lines(factors, k)
        assert 0 < len(wanted) < 60 / (factors[:, k].max() + 1)
        assert found.tolist() == wanted.tolist()


def test_numbers_of_many_classes_do_not_overflow(monkeypatch):
    _, factors = gappy()
    wanted = [whole_traversals(factors.T, k).tolist() for k in range(3)]
    rest = _groups.group_rest(factors.T).labels.tolist()
    monkeypatch.setattr(_groups, "MOST_NUMBER", 30)
    assert [whole_traversals(factors.T, k).tolist() for k in range(3)] == wanted
    assert _groups.group_rest(factors.T).labels.tolist() == rest
    monkeypatch.undo()
    wide = np.repeat(factors % 2, 40, axis=1) * 50  # 51^120 states
    assert len(np.unique(_groups.mixed_numbers(wide.T, len(wide)))) == 8


@pytest.mark.parametrize("path", ["cycle", "line"])
def test_codes_that_each_follow_one_factor_are_flat(path):
    score = um.flatness(FACTORS * [1.0, -2, 0.5] + [3, 0, 1], FACTORS, path=path)
    assert score == pytest.approx(1, abs=1e-12)
    assert score.parts["widths_l2"] == pytest.approx([3, 4, 2])
    assert score.parts["lengths_l1"] == pytest.approx([3, 4, 2])
    assert score.parts["traversals"].tolist() == [15, 20, 12]


@pytest.mark.parametrize("ratio", ["linear", "axis", "alignment"])
def test_codes_that_each_follow_one_factor_are_linear_along_axes(ratio):
    codes = FACTORS * [1.0, -2, 0.5] + [3, 0, 1]
    assert um.linearity(codes, FACTORS, ratio=ratio) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("relation", ["rank", "linear", "order"])
def test_codes_that_each_follow_one_factor_keep_distances(relation, dtype):
    codes = (FACTORS * [0.1, -2, 0.5] + [0.3, 0, 0.1]).astype(dtype)
    for norm in ("l1", "l2"):
        for self_pairs in (True, False):
            score = um.ground_truth_distances(
                codes, FACTORS, relation=relation, norm=norm, self_pairs=self_pairs
            )
            assert score == pytest.approx(1, abs=1e-6 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("angle", [0.1, 0.5, np.pi / 4, 1.2])
def test_a_rotation_costs_what_its_angle_says(angle):
    factors = grid(4, 6)
    codes = factors @ turned(angle)
    flat = um.flatness(codes, factors)
    assert flat == pytest.approx(1 / (np.cos(angle) + np.sin(angle)))
    assert [flat.parts["flatness_l1"], flat.parts["flatness_l2"]] == pytest.approx([1, 1])
    parts = um.linearity(codes, factors).parts
    axis = abs(np.cos(2 * angle))
    assert parts["linear_ratio"] == pytest.approx(1)
    assert parts["axis_ratio"] == pytest.approx(axis, abs=1e-12)
    assert parts["axis_alignment"] == pytest.approx(axis, abs=1e-12)
    assert parts["axis_ratio_of_means"] == pytest.approx(axis, abs=1e-12)
    assert um.ground_truth_distances(codes, factors) == pytest.approx(1)


@pytest.mark.parametrize("v", [4, 8, 40])
def test_a_circle_is_neither_flat_nor_linear(v):
    factors = grid(v, 3)
    angle = 2 * np.pi * factors[:, 0] / v
    codes = np.stack([np.cos(angle), np.sin(angle), factors[:, 1]], axis=1)
    flat = um.flatness(codes, factors)
    # Width 2, and all steps but one, each a chord of 2 sin(pi / v).
    chord = 2 * np.sin(np.pi / v)
    assert flat.parts["widths_l2"][0] == pytest.approx(2)
    assert flat.parts["lengths_l2"][0] == pytest.approx((v - 1) * chord)
    linear = um.linearity(codes, factors, mean="arithmetic")
    assert linear.parts["matrix"][0] == pytest.approx([1 / 4, 1 / 4, 1, 1 / 4])  # 3 / 2 - 1 over 2
    assert um.linearity(codes[:, :2] + factors[:, 1:], factors).parts["matrix"][0] == pytest.approx(
        [0, 0, 0, 0]
    )
    # The chord of so many steps, over all pairs of values with themselves.
    steps = np.abs(np.arange(v)[:, None] - np.arange(v)).ravel()
    expected = pearsonr(steps, 2 * np.sin(np.pi * steps / v))[0]
    found = um.ground_truth_distances(codes, factors, relation="linear").parts["per_factor"]
    assert found == pytest.approx([expected, 1])


def test_ways_that_end_at_the_last_value_and_ways_that_go_round():
    codes = np.repeat([0.0, 10, 1, 2], 2)[:, None]
    factors = grid(4, 2)[:, :1]
    # Steps 10, 9 and 1, and 2 back; going round, the longest is left out.
    assert um.flatness(codes, factors, path="line") == pytest.approx(10 / 20)
    assert um.flatness(codes, factors) == pytest.approx(10 / 12)


def measures(codes, rows, norm):
    """Return widths and lengths of the ways round (t,)."""
    line = codes[rows]
    gaps = np.linalg.norm(line[:, :, None] - line[:, None], ord=norm, axis=-1)
    steps = np.linalg.norm(line - np.roll(line, 1, axis=1), ord=norm, axis=-1)
    return gaps.max(axis=(1, 2)), np.sort(steps, axis=1)[:, :-1].sum(axis=1)


def test_flatness_of_a_grid_with_gaps_is_that_of_its_whole_traversals():
    codes, factors = gappy()
    score = um.flatness(codes, factors)
    for k in range(3):
        rows = lines(factors, k)
        (width_1, length_1), (width_2, length_2) = (measures(codes, rows, p) for p in (1, 2))
        assert score.parts["per_factor"][k] == pytest.approx(width_2.mean() / length_1.mean())
        assert score.parts["widths_l1"][k] == pytest.approx(width_1.mean())
        assert score.parts["lengths_l2"][k] == pytest.approx(length_2.mean())
    assert score == pytest.approx(score.parts["per_factor"].mean())


def normalized(values):
    return (len(values) * max(values) / sum(values) - 1) / (len(values) - 1)


def test_linearity_of_a_grid_with_gaps_is_that_of_principal_axes():
    codes, factors = gappy()
    score = um.linearity(codes, factors, ratio="alignment")
    for k in range(3):
        own = [codes[row] for row in lines(factors, k)]
        axis = np.array([normalized(line.var(axis=0)) for line in own])
        # Singular values of four codes: the grid's traversals have three to five rows.
        spreads = [np.linalg.svd(line - line.mean(axis=0))[1] ** 2 for line in own]
        linear = np.array([normalized([*spread, *[0] * (4 - len(spread))]) for spread in spreads])
        means = normalized(np.mean([line.var(axis=0) for line in own], axis=0))
        expected = [linear.mean(), axis.mean(), (axis / linear).mean(), means]
        assert score.parts["matrix"][k] == pytest.approx(expected)
    assert score == pytest.approx(np.prod(score.parts["matrix"][:, 2]) ** (1 / 3))
    arithmetic = um.linearity(codes, factors, mean="arithmetic")
    assert arithmetic == pytest.approx(score.parts["matrix"][:, 0].mean())


@pytest.mark.parametrize("norm", [1, 2])
@pytest.mark.parametrize("self_pairs", [True, False])
def test_distances_of_a_grid_with_gaps_are_those_of_all_pairs_and_triplets(norm, self_pairs):
    codes, factors = gappy()
    options = {"norm": f"l{norm}", "self_pairs": self_pairs, "tolerance": 1e-12}
    score = um.ground_truth_distances(codes, factors, **options)
    for k in range(3):
        line = codes[lines(factors, k)]
        t, v = line.shape[:2]
        gaps = np.linalg.norm(line[:, :, None] - line[:, None], ord=norm, axis=-1)
        a, p, q = np.indices((v, v, v)).reshape(3, -1)
        used = np.full(v**3, fill_value=True) if self_pairs else (a != p) & (a != q) & (p != q)
        a, p, q = a[used], p[used], q[used]
        order = np.sign(gaps[:, a, p] - gaps[:, a, q]) == np.sign(np.abs(a - p) - np.abs(a - q))
        i, j = np.indices((v, v)).reshape(2, -1)
        i, j = (i, j) if self_pairs else (i[i != j], j[i != j])
        pairs = np.tile(np.abs(i - j), t), gaps[:, i, j].ravel()
        expected = [spearmanr(*pairs)[0], pearsonr(*pairs)[0], order.mean()]
        assert score.parts["matrix"][k] == pytest.approx(expected)


def test_ties_are_broken_by_rounding_only_where_it_is_asked_for():
    codes = FACTORS @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    for relation in ("rank", "order"):
        exact = um.ground_truth_distances(codes, FACTORS, relation=relation)
        assert exact == pytest.approx(1, abs=1e-12)
        assert um.ground_truth_distances(codes, FACTORS, relation=relation, tolerance=0) < 0.999


def test_triplets_of_any_rows_are_drawn_as_out_of_subsets():
    codes, factors = gappy()
    n, a_share = len(codes), 1 / 32
    i, j = np.indices((n, n)).reshape(2, -1)
    steps = np.abs(factors[i] - factors[j]).sum(axis=1)
    gaps = np.linalg.norm(codes[i] - codes[j], axis=1)
    for self_pairs in (True, False):
        score = um.ground_truth_distances(
            codes, factors, pairs="rows", self_pairs=self_pairs, triplets=400_000, seed=3
        )
        weight = np.where(i == j, 0.0, 1 / (n * (n - 1)))
        if self_pairs:
            weight = (1 - a_share) / n**2 + np.where(i == j, a_share / n, 0.0)
        covariance = np.cov(steps, gaps, aweights=weight)
        expected = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
        assert score.parts["linear"] == pytest.approx(expected, abs=0.005)
        assert "per_factor" not in score.parts


def test_triplets_without_self_pairs_are_of_three_rows():
    draw = ground_truth_distances._draw_triplets
    rows = draw(4, 60_000, self_pairs=False, rng=np.random.default_rng(0))
    different, counts = np.unique(rows.T, axis=0, return_counts=True)
    assert len(different) == 4 * 3 * 2
    assert all(len(set(row)) == 3 for row in different.tolist())
    assert abs(counts - 2_500).max() < 5 * np.sqrt(2_500)


def test_a_factor_of_too_many_pairs_is_drawn_from_and_says_so(monkeypatch):
    codes = FACTORS + np.random.default_rng(0).normal(size=FACTORS.shape)
    whole = um.ground_truth_distances(codes, FACTORS)
    assert whole.notes == ()
    monkeypatch.setattr(ground_truth_distances, "MOST_PAIRS", 160)
    score = um.ground_truth_distances(codes, FACTORS)
    assert score.parts["traversals"].tolist() == [10, 17, 6]
    assert "uses 10 of 15 traversals of column 0" in score.notes[0]
    assert score == pytest.approx(whole, abs=0.1)


def test_a_factor_that_moves_no_code_has_nothing():
    codes = FACTORS * [1.0, 0, 2]
    flat = um.flatness(codes, FACTORS)
    assert flat.parts["per_factor"] == pytest.approx([1, 0, 1])
    for name in ("linearity", "ground_truth_distances"):
        score = getattr(um, name)(codes, FACTORS)
        assert score.parts["per_factor"] == pytest.approx([1, 0, 1])
        assert score == 0
        assert "mean='arithmetic'" in score.notes[0]
        assert getattr(um, name)(codes, FACTORS, mean="arithmetic") == pytest.approx(2 / 3)
    for name in THREE:
        assert getattr(um, name)(np.full(codes.shape, 0.1), FACTORS) == 0
    # Equal distances agree in order wherever steps are equal: of 27 triplets of three values.
    order = um.ground_truth_distances(codes, FACTORS, relation="order").parts["per_factor"]
    assert order[1] == pytest.approx(11 / 27)


@pytest.mark.parametrize("name", THREE)
def test_the_order_of_rows_and_repeated_rows_change_nothing(name):
    codes, factors = gappy()
    first = np.unique(factors, axis=0, return_index=True)[1]
    order = np.random.default_rng(1).permutation(first)
    metric = getattr(um, name)
    assert metric(codes[order], factors[order]) == pytest.approx(metric(codes, factors), rel=1e-12)


@pytest.mark.parametrize("name", THREE)
def test_numbers_of_any_size_change_nothing(name):
    codes, factors = gappy()
    metric = getattr(um, name)
    for power in (-1000, -600, 600, 1018):
        assert metric(np.ldexp(codes, power), factors) == pytest.approx(
            metric(codes, factors), rel=1e-9
        )
    # Pairs of equal codes and traversals that move none have no size of their own.
    still = codes * (factors[:, 2:] > 0)
    for options in ({}, {"pairs": "rows"}) if name == "ground_truth_distances" else ({},):
        small, expected = (metric(np.ldexp(still, p), factors, **options) for p in (-900, 0))
        assert small == pytest.approx(expected, rel=1e-9)
    # Each factor is measured by the codes that it moves, however small beside the others.
    apart = np.ldexp(FACTORS * 1.0, [0, 800, -800])
    assert metric(apart, FACTORS) == pytest.approx(1)


@pytest.mark.parametrize("name", THREE)
def test_what_they_cannot_use_is_one_sentence(name):
    codes, factors = gappy()
    metric = getattr(um, name)
    lonely = np.array([[0, 0], [1, 1], [0, 1]])
    words = "no rows have all 2 values of column 1 with|no rows have all 2 values of column 0"
    with pytest.raises(ValueError, match="factors must have whole traversals, but " + words):
        metric(codes[:2], lonely[:2])
    with pytest.raises(ValueError, match="column 1; drop that column"):
        metric(codes, factors * [1, 0, 1])
    with pytest.raises(ValueError, match="codes must be finite"):
        metric(np.where(codes > 2, np.nan, codes), factors)
    many = np.arange(3_000)[:, None]
    with pytest.raises(ValueError, match="at most 2,048 values per .* got 3,000 in column 0"):
        metric(np.hstack([many, many]) + 0.5, many)
    assert metric(many + np.zeros(2), many, factor_kinds="measurement") > 0.5


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("flatness", {"path": "circle"}, "path must be one of cycle, line; got 'circle'"),
        ("linearity", {"ratio": "axes"}, "ratio must be one of linear, axis, alignment"),
        ("linearity", {"mean": "harmonic"}, "mean must be one of geometric, arithmetic"),
        ("ground_truth_distances", {"norm": "l3"}, "norm must be one of l1, l2"),
        ("ground_truth_distances", {"relation": 3}, "relation must be one of rank, linear, order"),
        ("ground_truth_distances", {"pairs": "all"}, "pairs must be one of traversals, rows"),
        ("ground_truth_distances", {"tolerance": 1}, "tolerance must be at least 0 and at most 0"),
        ("ground_truth_distances", {"triplets": 1}, "triplets must be at least 2, got 1"),
        ("ground_truth_distances", {"self_pairs": 1}, "self_pairs must be True or False"),
    ],
)
def test_wrong_options(name, options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        getattr(um, name)(*gappy(), **options)


def test_single_codes_and_pairs_of_values_that_have_no_score():
    codes, factors = gappy()
    with pytest.raises(ValueError, match="linearity needs at least two codes, got 1"):
        um.linearity(codes[:, :1], factors)
    two = grid(2, 3)
    with pytest.raises(ValueError, match="at least three values per column with self_pairs=False"):
        um.ground_truth_distances(two + 0.0, two, self_pairs=False)
    with pytest.raises(ValueError, match="at least three rows with self_pairs=False"):
        um.ground_truth_distances(two[:2] + 0.0, [[0, 1], [1, 0]], pairs="rows", self_pairs=False)


def test_codes_of_measurements_are_binned():
    factors = grid(4, 3) / [0.7, 0.3]
    table = table_of(factors, factors, 2, "measurement")
    assert [len(rows) for rows in table.traversals()] == [2, 2]


def test_there_is_no_interval_and_a_note_says_why():
    codes, factors = gappy()
    table = um.evaluate(codes, factors, metrics=["omes", *THREE], bootstrap=20, progress=False)
    assert [table[name].interval is None for name in table] == [False, True, True, True]
    names = f"{', '.join(THREE[:-1])} and {THREE[-1]}"
    why = "because resampled rows do not contain whole traversals"
    assert f"no interval for {names}, {why}" in table.notes
    quiet = um.evaluate(codes, factors, metrics=THREE, bootstrap=0, progress=False)
    assert not any("no interval" in note for note in quiet.notes)
    with pytest.raises(ValueError, match="flatness has no interval, because resampled rows"):
        um.bootstrap(um.flatness, codes, factors)
