"""Pictures by class and of neighbours, and a recipe of which a part is run."""

import numpy as np
import pytest
from toy import ToyImages

from unweave.errors import ConfigError, UnknownNameError
from unweave.executors import Serial
from unweave.experiment.definition import Experiment, Picture, Variant
from unweave.experiment.linear_probe import check_part
from unweave.experiment.pictures import draw
from unweave.experiment.pictures.of_classes import classified
from unweave.experiment.pictures.of_images import nearest
from unweave.experiment.results import Results, open_run
from unweave.experiment.sweep import sweep
from unweave.reproduce.recipe import read_recipe, select_runs
from unweave.trained import Trained


@pytest.fixture
def results(tmp_path):
    settings = {
        "method": "toy-vae", "prior": "toy-normal", "architecture": "mlp:widths=16", "dim": 3,
        "steps": 5, "batch_size": 8, "log_every": 5, "data": "toy-images", "holdout": 40,
    }  # fmt: skip
    runs = [Variant(label="slow"), Variant(label="fast", settings={"learning_rate": 0.01})]
    experiment = Experiment(
        name="e", settings=settings, runs=runs, measures={"error": "test-squared-error"}
    )
    return sweep(experiment, tmp_path / "e", Serial())


def test_the_nearest_image_is_that_of_a_search_of_all():
    rng = np.random.default_rng(0)
    data = ToyImages()
    every = data.images(np.arange(len(data)))
    images = np.clip(every[[5, 77, 5, 20]] + rng.integers(-40, 40, (4, 16, 16, 1)), 0, 255)
    found = nearest(data, images.astype(np.uint8))
    distances = ((every[None].astype(float) - images[:, None]) ** 2).sum((2, 3, 4))
    assert np.array_equal(found, every[distances.argmin(1)])
    assert np.array_equal(found[0], found[2])


def panels(results, kind, **options):
    return draw(results, Picture(kind=kind, name="p", options=options)).axes


def test_traversals_start_from_an_image_of_each_class(results):
    assert len(panels(results, "traversals", dimensions=2, classes=[0, 3, 7])) == 6
    assert len(panels(results, "traversals", dimensions=2)) == 2
    assert len(panels(results, "neighbours")) == 2
    with pytest.raises(ConfigError, match="toy-images has no image of class 9"):
        panels(results, "traversals", classes=[9])


def test_traversals_stay_among_the_codes_of_images_wherever_these_are(results, monkeypatch):
    encode, posterior_codes, decode = Trained.encode, Trained.posterior_codes, Trained.decode
    far = np.float32([40, -9, 0])
    drawn = []

    def decode_nearer(run, z):
        drawn.append(z)
        return decode(run, z - far)

    monkeypatch.setattr(Trained, "encode", lambda run, images: encode(run, images) + far)
    monkeypatch.setattr(
        Trained, "posterior_codes", lambda run, rows: posterior_codes(run, rows) + far
    )
    monkeypatch.setattr(Trained, "decode", decode_nearer)
    panels(results, "traversals", reach=1.5)
    run = open_run(next(row for row in results.rows if row.finished))
    codes = run.posterior_codes(2000)
    ends = codes.mean(0) + 1.5 * np.outer([-1, 1], codes.std(0))
    rows = drawn[0].reshape(3, -1, 3)
    varied = rows.std(axis=1).argmax(axis=1)
    assert sorted(varied) == [0, 1, 2]
    for row, d in zip(rows, varied, strict=True):
        np.testing.assert_allclose(row[[0, -1], d], ends[:, d], rtol=1e-4)


def test_an_embedding_shows_every_kind_and_names_its_classes_once(results):
    pytest.importorskip("sklearn")
    figure = draw(results, Picture(kind="embedding", name="p", options={"points": 40}))
    titles = [panel.get_title() for panel in figure.axes]
    assert titles == ["slow, t-SNE\nseed 0", "fast, t-SNE\nseed 0"]
    assert all(panel.get_legend() is None for panel in figure.axes)
    assert len(figure.legends[0].get_texts()) == len(np.unique(classes_held_out(results)))
    with pytest.raises(ConfigError, match="method must be one of tsne, umap, got 'pca'"):
        panels(results, "embedding", method="pca")


def classes_held_out(results):
    first, *_ = results.first_runs()
    return classified(first.run.heldout, 40)[1]


def test_a_probe_is_of_train_or_test():
    assert check_part("test") == "test"
    with pytest.raises(
        UnknownNameError, match="unknown part of the data 'tset'; did you mean 'test'"
    ):
        check_part("tset")


def test_a_part_of_a_recipe_keeps_what_is_said_of_it():
    whole = read_recipe("latent-mnist")
    part = select_runs(whole, ["vae", "beta-vae"], "2")
    assert [variant.label for variant in part.runs] == ["vae", "beta-vae"]
    assert part.seeds == [0, 1]
    assert len(part.expect) == 3
    assert len(part.pictures) == len(whole.pictures)
    sparsity = select_runs(read_recipe("decomposition-sparsity"), ["normal"], None)
    assert [picture.kind for picture in sparsity.pictures] == ["curves"]
    assert select_runs(whole, [], None) == whole
    with pytest.raises(UnknownNameError, match="unknown run 'gan'"):
        select_runs(whole, ["gan"], None)


def test_other_values_of_the_grid_keep_what_is_said_of_them():
    whole = read_recipe("decomposition-sparsity")
    part = select_runs(whole, [], None, ["alpha=0,100"])
    assert part.grid == {"alpha": [0, 100]}
    # Three claims and two pictures are about alpha 1000.
    assert part.expect == []
    assert [picture.kind for picture in part.pictures] == ["curves"]
    larger = select_runs(whole, [], None, ["alpha=0,1000"])
    assert (larger.expect, larger.pictures) == (whole.expect, whole.pictures)
    with pytest.raises(UnknownNameError, match="unknown setting of the grid 'alhpa'"):
        select_runs(whole, [], None, ["alhpa=1"])


def test_a_mistake_in_a_recipe_is_not_taken_for_a_part_that_was_left_out():
    whole = read_recipe("decomposition-sparsity")
    wrong = whole.model_copy(
        update={"expect": [whole.expect[0].model_copy(update={"where": {"alpha": 7}})]}
    )
    # So that the check before the first run can name it.
    assert select_runs(wrong, [], None, ["alpha=0,1000"]).expect == wrong.expect


@pytest.mark.parametrize("values", [[0.01, 1, 100], [0, 0.1, 10]])
def test_a_logarithmic_axis_has_a_tick_at_every_value(results, values):
    gridded = results.experiment.model_copy(update={"grid": {"beta": values}})
    options = {"x": "beta", "measures": ["error"], "log": True}
    rows = [
        row.model_copy(update={"place": {"beta": value}})
        for row in results.rows
        for value in values
    ]
    figure = draw(
        Results(gridded, results.folder, rows), Picture(kind="curves", name="p", options=options)
    )
    figure.draw_without_rendering()
    (panel,) = figure.axes
    assert [tick.get_text() for tick in panel.get_xticklabels()] == [f"{v:g}" for v in values]


def test_a_term_that_was_logged_once_is_a_point(results):
    (panel,) = draw(
        results, Picture(kind="steps", name="p", options={"terms": ["validation/loss"]})
    ).axes
    assert [list(line.get_xdata()) for line in panel.lines] == [[5], [5]]
    assert [line.get_marker() for line in panel.lines] == ["o", "o"]


def test_labels_of_a_logarithmic_axis_are_numbers(results):
    figure = draw(
        results, Picture(kind="steps", name="p", options={"terms": ["loss"], "log": True})
    )
    figure.draw_without_rendering()
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert all(float(text) > 0 for text in labels if text)
    assert any(labels)
