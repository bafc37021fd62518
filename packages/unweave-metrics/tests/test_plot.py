"""Pictures are drawn of what they are given."""

import numpy as np
import pytest

import unweave_metrics as um

plot = pytest.importorskip("unweave_metrics.plot")
pytest.importorskip("matplotlib")


def test_heat_map_shows_the_matrix(tmp_path):
    matrix = np.random.default_rng(0).random((4, 2))
    axes = plot.heat_map(matrix, factor_names=["shape", "scale"])
    assert (np.asarray(axes.images[0].get_array()) == matrix).all()
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["shape", "scale"]
    axes.figure.savefig(tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 1000


def test_violins_and_scatter_show_each_seed():
    scores = {"vae": [0.1, 0.2], "tcwae": [0.3, 0.5, 0.4]}
    assert sum(len(line.get_ydata()) for line in plot.violins(scores).lines) == 5
    errors = {"vae": [9.0, 8.0], "tcwae": [7.0, 6.0, 5.0]}
    axes = plot.score_against_error(scores, errors)
    assert list(axes.lines[1].get_xdata()) == errors["tcwae"]
    with pytest.raises(ValueError, match="errors must hold 2 values for 'vae'"):
        plot.score_against_error(scores, {})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: plot.heat_map(np.full((2, 2), 1e300)), "matrix must hold numbers of at most"),
        (lambda: plot.heat_map(np.array([[-1e300, 2], [0, 1]])), "1e100 in size, got -1e[+]300"),
        (lambda: plot.heat_map(np.eye(2), factor_names=["a"]), "factor_names must name all 2"),
        (lambda: plot.heat_map(np.eye(2), factor_names="ab"), "factor_names must be a list"),
        (lambda: plot.heat_map(np.eye(2), ax=3), "ax must be axes of matplotlib, got 3"),
        (lambda: plot.intervals({"vae": 0.5}), "scores must be a table that evaluate gave"),
        (lambda: plot.intervals({}), "scores must hold at least one score"),
        (lambda: plot.violins([0.1, 0.2]), "scores must map each method to its values"),
        (lambda: plot.violins({"vae": ["x"]}), r"scores\['vae'\] must hold numbers"),
        (lambda: plot.violins({"vae": []}), "each with at least one score"),
        (lambda: plot.score_against_error({"a": [1]}, 3), "errors must map each method"),
        (lambda: plot.score_against_error({}, {}), "scores must name at least one method"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


def test_the_legend_hides_no_interval():
    tables = {
        name: um.ScoreTable({"mig": um.Score(0.9, interval=(0.8, 1.0)), "sap": um.Score(0.1)})
        for name in ("vae", "tcwae")
    }
    axes = plot.intervals(tables)
    axes.figure.canvas.draw()
    legend, inside = axes.get_legend().get_window_extent(), axes.get_window_extent()
    assert legend.y0 >= inside.y1
