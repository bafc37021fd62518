"""Pictures are drawn of what they are given."""

import numpy as np
import pytest

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
