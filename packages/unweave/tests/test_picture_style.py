"""How pictures of experiments look: colours, labels, titles and panels."""

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from toy import ToyAffine

from unweave.errors import ConfigError
from unweave.executors import Serial
from unweave.experiment.definition import Experiment, Picture, Variant
from unweave.experiment.pictures import draw, picture_options
from unweave.experiment.pictures.looks import Looks
from unweave.experiment.pictures.of_scores import RING
from unweave.experiment.pictures.of_steps import in_words
from unweave.experiment.results import Results
from unweave.experiment.rows import MeasuredValue, Row
from unweave.experiment.sweep import sweep
from unweave.plots.panels import row_sizes
from unweave.plots.style import CLASSES, PALETTE, figure_png
from unweave.registry import registry
from unweave.reproduce.recipe import read_recipe, recipe_names, select_runs

LABELS = ["a", "b", "c", "d", "e"]
# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision
# deficiency", 2009, table 1: severity 1, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
    "deuteranopia": [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.043, 0.9689]],
    "tritanopia": [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]],
}  # fmt: skip


def written(grid, values, seeds=(0, 1, 2), better="lower"):
    """Results of hand-written rows; `values(run, place number, seed)` gives x and y."""
    experiment = Experiment(
        name="e", runs=[Variant(label=label) for label in LABELS], grid=grid, seeds=list(seeds),
        measures={"x": "log x", "y": "log y"}, better={"x": better, "y": better},
    )  # fmt: skip
    rows = [
        Row(run=label, place=place, seed=seed, status="finished", step=1, steps=1, measures={
            name: MeasuredValue(measure=name, value=float(value), step=1)
            for name, value in zip("xy", values(run, number, seed), strict=True)
        })
        for seed in seeds
        for run, label in enumerate(LABELS)
        for number, place in enumerate(experiment.places(experiment.runs[run]))
    ]  # fmt: skip
    return Results(experiment, None, rows)


@pytest.fixture
def crowded():
    """Five methods at three weights, of which many lie on one another, with error bars."""
    rng = np.random.default_rng(1)
    spread = rng.normal(0, 0.02, (5, 3, 3, 2))

    def values(run, place, seed):
        return np.array([10 + place, 0.3 - 0.03 * place * (run % 3)]) + spread[run, place, seed]

    return written({"weight": [0.0625, 0.375, 0.625]}, values)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, toy_path):
    """Two kinds of run at two values of beta, with a density."""
    settings = {
        "method": "toy-vae", "prior": "toy-normal", "architecture": "mlp:widths=16", "dim": 3,
        "steps": 4, "batch_size": 8, "log_every": 2, "data": "toy-images", "holdout": 40,
    }  # fmt: skip
    runs = [Variant(label="slow"), Variant(label="fast", settings={"learning_rate": 0.01})]
    experiment = Experiment(
        name="e", settings=settings, runs=runs, grid={"beta": [0.5, 2]}, density="toy-affine",
        measures={"error": "squared-error"},
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toy_path)
        patch.setenv("UNWEAVE_PLUGINS", "unweave,toy")
        registry.cache_clear()
        return sweep(experiment, tmp_path_factory.mktemp("styled") / "e", Serial())


def drawn(results, kind, **options):
    return draw(results, Picture(kind=kind, name="p", options=options))


def colours_of(panel):
    """Collect the colours of what is drawn in a panel."""
    lines = {to_hex(line.get_color()) for line in panel.get_lines() if len(line.get_xdata())}
    faces = {to_hex(patch.get_facecolor()) for patch in panel.patches}
    return lines | faces


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("trade", {"x": "x", "y": "y"}),
        ("curves", {"x": "weight", "measures": ["x"]}),
        ("violins", {"measures": ["x"]}),
        ("ranks", {"measures": ["x"]}),
    ],
)
def test_a_method_has_one_colour_in_all_pictures_of_the_house_style(crowded, kind, options):
    figure = drawn(crowded, kind, **options)
    (panel,) = figure.axes
    assert set(PALETTE[:5]) <= colours_of(panel)
    # The colours of matplotlib's own cycle.
    assert not colours_of(panel) & {"#1f77b4", "#ff7f0e", "#2ca02c"}
    assert not panel.spines["top"].get_visible()
    assert all(not legend.get_frame_on() for legend in figure.legends)
    for legend in figure.legends:
        named = {
            text.get_text(): line
            for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)
        }
        assert [to_hex(named[label].get_color()) for label in LABELS] == list(PALETTE[:5])


def test_lines_of_the_log_and_bars_of_codes_have_the_colour_of_their_method(trained):
    figure = drawn(trained, "steps", terms=["loss"])
    colours = [to_hex(line.get_color()) for line in figure.axes[0].get_lines()]
    assert colours == [PALETTE[0], PALETTE[0], PALETTE[1], PALETTE[1]]
    bars = drawn(trained, "magnitudes", run="fast", where={"beta": 2}, classes=[0]).axes[0]
    assert colours_of(bars) == {PALETTE[1]}


def test_no_two_lines_look_the_same():
    labels = [f"run {number}" for number in range(20)]
    looks = Looks(Experiment(name="e", runs=[Variant(label=label) for label in labels]))
    assert len({looks.of(label) for label in labels}) == 20
    lines = looks.lines(np.repeat(labels, 9).tolist())
    assert len(set(lines)) == 180
    assert [line.colour for line in lines[:18]] == [PALETTE[0]] * 9 + [PALETTE[1]] * 9


def lab(linear):
    """Return CIELAB coordinates of linear RGB, shape (n, 3)."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    scaled = linear @ np.transpose(to_xyz) / [0.9505, 1, 1.089]
    f = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


@pytest.mark.parametrize("vision", VISION)
def test_ten_classes_have_ten_colours_that_anybody_tells_apart(vision):
    rgb = np.array([to_rgb(colour) for colour in CLASSES])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = lab(np.clip(linear @ np.array(VISION[vision]).T, 0, 1))
    distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    assert len(distances) == 45
    # Matplotlib's own ten colours come down to 4.6, and a step of 2.3 is just noticeable.
    assert min(distances) > 17


def test_a_trade_off_joins_the_grid_points_of_a_method_in_order(crowded):
    (panel,) = drawn(crowded, "trade", x="x", y="y").axes
    curves = [
        line
        for line in panel.get_lines()
        if line.get_linestyle() == "-" and len(line.get_xdata()) == 3
    ]
    assert [to_hex(line.get_color()) for line in curves[:5]] == list(PALETTE[:5])
    means = [np.mean(crowded.values("x", "b", {"weight": w})) for w in (0.0625, 0.375, 0.625)]
    assert np.allclose(curves[1].get_xdata(), means)


def boxes_in(figure):
    """Lay a figure out as it is saved, and return the boxes of its labels and of its marks."""
    figure_png(figure)
    (panel,) = figure.axes
    renderer = FigureCanvasAgg(figure).get_renderer()
    labels = [text for text in panel.texts if text.get_text()]
    boxes = [text.get_window_extent(renderer).extents for text in labels]
    marks = panel.transData.transform([label.xy for label in labels])
    reach = RING * figure.dpi / 72
    rings = [np.concatenate([mark - reach, mark + reach]) for mark in marks]
    return [text.get_text() for text in labels], boxes, rings, panel.get_window_extent().extents


def overlap(a, b):
    return bool((a[:2] < b[2:]).all() and (b[:2] < a[2:]).all())


def test_labels_of_a_trade_off_cover_nothing_and_stay_inside(crowded):
    texts, boxes, rings, frame = boxes_in(drawn(crowded, "trade", x="x", y="y"))
    assert sorted(texts) == sorted(["0.0625", "0.375", "0.625"] * 5)
    assert not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))
    assert not any(overlap(box, ring) for box in boxes for ring in rings)
    assert all((box[:2] >= frame[:2]).all() and (box[2:] <= frame[2:]).all() for box in boxes)


def test_points_at_one_place_keep_their_labels_apart():
    same = written({"weight": [1, 2]}, lambda run, place, seed: (1.0, 2.0), seeds=[0])
    texts, boxes, rings, _ = boxes_in(drawn(same, "trade", x="x", y="y"))
    assert len(texts) == 10
    assert not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))
    assert not any(overlap(box, ring) for box in boxes for ring in rings)


def test_a_trade_off_writes_every_setting_that_varies():
    results = written({"beta": [1, 2], "dim": [3], "gamma": [0.5, 4]}, lambda *_: (1.0, 2.0))
    figure = drawn(results, "trade", x="x", y="y")
    texts = {text.get_text() for text in figure.axes[0].texts} - {""}
    assert texts == {"1, 0.5", "1, 4", "2, 0.5", "2, 4"}
    assert figure.legends[0].get_title().get_text() == "numbers: beta, gamma"
    one = drawn(results, "trade", x="x", y="y", label="gamma")
    assert {text.get_text() for text in one.axes[0].texts} - {""} == {"0.5", "4"}


def test_rings_mark_the_points_that_no_other_beats():
    results = written({"weight": [1, 2]}, lambda run, place, seed: (run + place, place - run))
    (panel,) = drawn(results, "trade", x="x", y="y").axes
    rings = next(line for line in panel.get_lines() if line.get_label() == "not beaten")
    points = {(run + place, place - run) for run in range(5) for place in range(2)}
    front = {p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)}
    assert set(zip(rings.get_xdata(), rings.get_ydata(), strict=True)) == front


def test_a_heat_map_writes_large_numbers_to_the_unit():
    cells = [-1004.2, 0.04567, 23.456, 2.5e7]
    results = written({"beta": [1, 2], "gamma": [3, 4]}, lambda run, place, seed: (cells[place], 0))
    figure = drawn(results, "heat-map", measure="x", rows="beta", columns="gamma", run="a")
    assert [t.get_text() for t in figure.axes[0].texts] == ["-1004", "0.0457", "23.5", "2.5e+07"]


@pytest.mark.parametrize("count", range(1, 12))
def test_rows_of_panels_hold_all_and_none_is_empty(count):
    sizes = row_sizes(count, 3)
    assert sum(sizes) == count
    assert max(sizes) <= 3
    assert max(sizes) - min(sizes) <= 1


def test_four_panels_are_two_by_two(trained, crowded):
    four = crowded.experiment.model_copy(update={"measures": dict.fromkeys("xyuv", "log x")})
    results = Results(four, None, crowded.rows)
    for kind, options in (("violins", {}), ("curves", {"x": "weight"})):
        figure = drawn(results, kind, measures=list("xyuv"), **options)
        figure.draw_without_rendering()
        corners = [panel.get_position().p0.round(2) for panel in figure.axes]
        assert len(figure.axes) == 4
        assert [len({corner[axis] for corner in corners}) for axis in (0, 1)] == [2, 2]
    assert all(panel.axison for panel in drawn(trained, "representations").axes)


def test_points_have_no_lines_of_a_grid_over_them(trained):
    for panel in drawn(trained, "representations").axes:
        assert not any(line.get_visible() for line in panel.get_xgridlines())


KINDS = ["traversals", "samples", "reconstructions", "neighbours", "representations", "histograms"]


def names_in(figure):
    panels = [panel.get_title() for panel in figure.axes]
    rows = [text.get_text() for panel in figure.axes for text in panel.get_yticklabels()]
    parts = [part.get_suptitle() for part in figure.subfigs]
    return " | ".join([*panels, *rows, *parts]).replace("\n", ", ")


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_draws_the_runs_that_are_asked_for_and_names_them(trained, kind):
    usual = names_in(drawn(trained, kind))
    assert "slow, beta 0.5, seed 0" in usual
    assert "beta 2" not in usual
    other = names_in(drawn(trained, kind, where={"beta": 2}))
    assert "slow, beta 2, seed 0" in other
    assert "fast, beta 2, seed 0" in other
    assert "beta 0.5" not in other


def test_another_place_of_the_grid_is_another_picture(trained):
    pictures = [figure_png(drawn(trained, "samples", where={"beta": b})) for b in (0.5, 2)]
    assert pictures[0] != pictures[1]
    assert pictures[0] == figure_png(drawn(trained, "samples"))


def test_a_place_that_the_grid_does_not_have_is_said(trained):
    picture = Picture(kind="samples", name="p", options={"where": {"beta": 3}})
    with pytest.raises(ConfigError, match=r"the grid has no beta '3'; it has 0\.5, 2"):
        picture_options(trained.experiment, picture)
    waiting = [row.model_copy(update={"status": "waiting"}) for row in trained.rows]
    with pytest.raises(ConfigError, match="no run is finished at beta 2"):
        drawn(Results(trained.experiment, None, waiting), "samples", where={"beta": 2})


def test_rows_of_reconstructions_have_names(trained):
    (panel,) = drawn(trained, "reconstructions").axes
    names = [text.get_text() for text in panel.get_yticklabels()]
    assert names == ["images", "slow\nbeta 0.5, seed 0", "fast\nbeta 0.5, seed 0"]


def test_magnitudes_count_dimensions_from_one(trained):
    panel = drawn(trained, "magnitudes", run="slow", where={"beta": 2}, classes=[0, 1]).axes[0]
    centres = [bar.get_x() + bar.get_width() / 2 for bar in panel.patches]
    assert np.allclose(centres, [1, 2, 3])
    assert panel.get_title() == "slow, beta 2, seed 0"


def test_a_histogram_is_the_density_of_codes(trained):
    figure = drawn(trained, "histograms", where={"beta": 2})
    panels = [panel for part in figure.subfigs for panel in part.axes]
    assert [panel.get_title() for panel in panels] == ["z₁", "z₂", "z₃"] * 2
    first, *_ = trained.first_runs({"beta": 2})
    codes = first.run.posterior_codes(10_000)[:, 1]
    filled = panels[1].patches[0].get_path().vertices
    # The outermost thousandths are left out of the bins.
    low, high = filled[:, 0].min(), filled[:, 0].max()
    edges = np.unique(filled[:, 0].round(6))
    expected = np.histogram(codes, np.linspace(low, high, len(edges)), density=True)[0]
    assert filled[:, 1].max() == pytest.approx(expected.max(), rel=1e-6)
    assert len(drawn(trained, "histograms", dimensions=2).subfigs[0].axes) == 2


def test_a_histogram_of_a_flow_is_that_of_its_noise(trained, monkeypatch):
    with pytest.raises(ConfigError, match="density ToyAffine has no to_noise"):
        drawn(trained, "histograms", flow=True)
    monkeypatch.setattr(
        ToyAffine, "to_noise", lambda flow, z: (z - flow.mean) / flow.scale, raising=False
    )
    figure = drawn(trained, "histograms", flow=True)
    for panel in figure.subfigs[0].axes:
        noise = panel.patches[0].get_path().vertices
        centre = np.average(noise[:, 0], weights=noise[:, 1])
        assert abs(centre) < 0.3
        assert np.ptp(noise[:, 0]) > 4


def test_names_of_the_log_are_words():
    assert in_words("score/mig/active") == "MIG, active dimensions"
    assert in_words("dimension_wise_kl") == "dimension-wise KL"
    assert in_words("inclusive_kl") == "inclusive KL"
    assert in_words("score/factor-vae") == "FactorVAE score"
    assert in_words("validation/reconstruction") == "reconstruction, held-out images"


def test_the_recipes_of_the_table_draw_the_published_weight():
    for name in ("tcwae-table1", "tcwae-table1-noisy", "tcwae-table1-scream"):
        recipe = read_recipe(name)
        kinds = {p.kind: p.options["where"] for p in recipe.pictures if "where" in p.options}
        samples = set() if name == "tcwae-table1" else {"samples"}
        assert set(kinds) == {"traversals", "reconstructions"} | samples
        assert all(where == {"weight": 1} for where in kinds.values())
        # Other weights have other pictures, not none.
        full = select_runs(recipe, [], None, ["weight=8,16,32"])
        assert [p.kind for p in full.pictures] == [p.kind for p in recipe.pictures]
        assert not any("where" in p.options for p in full.pictures)


def test_every_picture_of_every_recipe_can_be_asked_for():
    for name in recipe_names():
        recipe = read_recipe(name)
        for picture in recipe.pictures:
            picture_options(recipe, picture)
