"""Tables in notebooks and terminals, ranks of models, and pictures with intervals."""

import io
import sys

import numpy as np
import pytest

import unweave_metrics as um
from unweave_metrics import plot

TABLE = um.ScoreTable(
    {
        "mig": um.Score(0.5, name="mig", interval=(0.4, 0.6), parts={"per_factor": np.ones(2)}),
        "irs": um.Score(0.25, name="irs"),
    },
    notes=["irs: <few> rows"],
)


def models():
    """Return seeds of three models; the third is best in both scores, of which one is low."""

    def table(mig, correlation):
        return um.ScoreTable({
            "mig": um.Score(mig), "gaussian_total_correlation": um.Score(correlation),
            "hoyer_sparsity": um.Score(0.1),
        })  # fmt: skip

    return {
        "vae": [table(0.2, 2.0), table(0.3, 4.0)],
        "beta": [table(0.4, 3.0), table(0.2, 3.0)],
        "tcwae": [table(0.5, 1.0), table(0.6, 1.0)],
    }


def test_html_holds_the_cells_and_is_escaped():
    html = TABLE._repr_html_()
    for text in ("<td style", ">0.5000<", ">0.4000<", "irs: &lt;few&gt; rows"):
        assert text in html
    score = um.Score(
        0.5, name="<b>", parts={"per_factor": np.array([0.25, 0.75]), "big": np.eye(4)},
        settings={"factor_names": ("shape", "a<b")}, interval=(0.1, 0.9),
    )  # fmt: skip
    html = score._repr_html_()
    for text in ("0.5000 [0.1000, 0.9000]", "shape: 0.25, a&lt;b: 0.75", "4 x 4"):
        assert text in html
    assert "<b>" not in html


def test_rich_prints_the_cells():
    console = pytest.importorskip("rich.console").Console
    for shown in (TABLE, TABLE["mig"], um.compare(models())):
        text = io.StringIO()
        console(file=text, width=200).print(shown)
        assert "mig" in text.getvalue()
    assert "[0.4000, 0.6000]" in _printed(console, TABLE["mig"])


def _printed(console, score):
    text = io.StringIO()
    console(file=text, width=200).print(score)
    return text.getvalue()


def test_ranks_follow_the_direction_of_each_score():
    found = um.compare(models())
    assert found.ranks["mig"] == (3.0, 2.0, 1.0)
    assert found.ranks["gaussian_total_correlation"] == (2.5, 2.5, 1.0)
    assert np.isnan(found.ranks["hoyer_sparsity"]).all()  # neither end is better
    assert found.mean_ranks == (2.75, 2.25, 1.0)
    assert found.differences("mig") == pytest.approx((-0.3, -0.25, 0.0))
    assert str(found).splitlines()[-1].split() == ["mean", "rank", "2.75", "2.25", "1.00"]
    assert found.to_markdown().startswith("| metric | vae | beta | tcwae |")
    assert "<table>" in found._repr_html_()


def test_ranks_as_a_frame():
    pytest.importorskip("pandas")
    frame = um.compare(models()).to_pandas()
    row = frame.loc[("mig", "vae")]
    assert row["rank"] == 3.0
    assert row["difference"] == pytest.approx(-0.3)
    assert row["count"] == 2


def correlations(*values):
    """Return a table for each seed."""
    return [
        um.ScoreTable({"gaussian_total_correlation": um.Score(value), "mig": um.Score(0.5)})
        for value in values
    ]


def test_an_infinite_score_is_worse_than_all_others():
    models = {
        "vae": correlations(1.0, np.inf),
        "beta": correlations(2.0, 3.0),
        "tcwae": correlations(np.inf, np.inf),
    }
    found = um.compare(models)
    name = "gaussian_total_correlation"
    assert found.ranks[name] == (2.5, 1.0, 2.5)
    assert found.differences(name) == (np.inf, 0.0, np.inf)
    assert found.rows()[1] == [name, "inf", "2.5000 ± 0.7071 [-3.8531, 8.8531]", "inf"]
    assert found.mean_ranks == (2.25, 1.5, 2.25)
    several = um.compare({key: models[key] for key in ("vae", "beta")})
    assert set(several.p) == {"mig"}
    assert found.differences("mig") == (0.0, 0.0, 0.0)
    alone = um.compare(dict.fromkeys("ab", models["tcwae"]))
    assert alone.differences(name) == (0.0, 0.0)
    assert um.summarize([1.0, np.inf]).mean == np.inf
    assert np.isnan(um.summarize([-np.inf, np.inf]).mean)
    with pytest.raises(ValueError, match="second must hold scores of at most 1e100"):
        um.paired_test([0.1, 0.2], [0.1, np.inf])


def test_a_score_too_large_to_average_names_model_score_and_table():
    with pytest.raises(ValueError, match="got 1e[+]200 as 'gaussian_total_correlation' of table 1"):
        um.compare({"vae": correlations(1.0, 1e200)})
    with pytest.raises(ValueError, match=r"models\['vae'\] must hold scores of at most 1e100"):
        um.compare({"beta": correlations(1.0), "vae": correlations(-1e101)})


def test_infinite_scores_rank_beyond_others_in_correlations():
    scores = {"mig": [0.1, 0.2, 0.3, 0.4], "gaussian_total_correlation": [np.inf, 3.0, 2.0, 1.0]}
    by_lists = um.rank_correlation(scores)
    assert by_lists.matrix[0, 1] == pytest.approx(1.0)
    assert by_lists.counts[0, 1] == 4
    tables = [
        um.ScoreTable({name: um.Score(values[i]) for name, values in scores.items()})
        for i in range(4)
    ]
    np.testing.assert_array_equal(um.rank_correlation(tables).matrix, by_lists.matrix)


def test_rank_correlation_of_metrics():
    runs = [table for seeds in models().values() for table in seeds]
    found = um.rank_correlation(runs)
    low = [-2.0, -4.0, -3.0, -3.0, -1.0, -1.0]
    scipy = pytest.importorskip("scipy.stats")
    wanted = scipy.spearmanr([0.2, 0.3, 0.4, 0.2, 0.5, 0.6], low).statistic
    assert found.matrix[0, 1] == pytest.approx(wanted)
    assert found.matrix[0, 0] == pytest.approx(1.0)
    assert np.isnan(found.matrix[2]).all()  # all runs tie
    assert found.counts[0, 1] == 6
    assert str(found).split()[:2] == ["mig", "gaussian_total_correlation"]
    partial = um.rank_correlation({"a": [1, 2, 3, np.nan], "b": [3, 1, np.nan, 2]}, ["b", "a"])
    assert partial.metrics == ("b", "a")
    assert np.isnan(partial.matrix[0, 1])
    assert partial.counts.tolist() == [[3, 2], [2, 3]]


def test_runs_that_do_not_fit():
    with pytest.raises(ValueError, match="at least one table"):
        um.rank_correlation([])
    with pytest.raises(ValueError, match="none has sap"):
        um.rank_correlation({"mig": [1.0, 2.0]}, ["sap"])
    with pytest.raises(ValueError, match="as many scores of each metric"):
        um.rank_correlation({"mig": [1.0, 2.0], "sap": [1.0]})


def test_pictures_show_values_and_intervals():
    pytest.importorskip("matplotlib")
    axes = TABLE.plot()
    assert axes.lines[0].get_xdata().tolist() == [0.5, 0.25]
    (segment, _) = axes.collections[0].get_segments()
    assert segment[:, 0].tolist() == [0.4, 0.6]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["mig", "irs"]
    several = plot.intervals({"vae": TABLE, "tcwae": TABLE})
    assert len(several.lines) == 2
    assert several.get_legend() is not None
    with pytest.raises(ValueError, match="at least one score"):
        plot.intervals({})


def test_frames_without_pandas_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    shown = um.compare({"vae": TABLE})
    for call in (
        TABLE.to_pandas, TABLE.per_factor, shown.to_pandas,
        lambda: TABLE["mig"].to_pandas("per_factor"), um.rank_correlation([TABLE]).to_pandas,
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"pip install 'unweave-metrics\[pandas\]'"):
            call()
