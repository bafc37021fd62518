"""What can be asked of a run directory, and what evaluation and report leave in it."""

import json
import os
import shutil

import h5py
import numpy as np
import pytest
import torch
from toy import ToyImages

import unweave
from unweave.checkpoint import load_checkpoint
from unweave.codetable import encode_table
from unweave.errors import ConfigError, RunError
from unweave.evaluate import evaluate, untrained_score
from unweave.holdout import Subset
from unweave.plots.grids import tile
from unweave.report.aggregate import aggregate_kl
from unweave.scores.file import read_scores


@pytest.fixture
def run(tmp_path, settings):
    return unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)


def scores_of(run):
    scores = read_scores(run)
    assert scores is not None
    return scores


def rows_of(part):
    assert isinstance(part, Subset)
    return part._rows


def test_encode_decode_sample_have_the_promised_shapes(run):
    images = ToyImages().images(np.arange(5))
    codes = run.encode(images)
    assert codes.shape == (5, 4)
    assert codes.dtype == np.float32
    pictures = run.reconstruct(images)
    assert pictures.shape == images.shape
    assert pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures, run.decode(codes))
    assert run.sample(7).shape == (7, 16, 16, 1)
    np.testing.assert_array_equal(run.sample(7, seed=1), run.sample(7, seed=1))
    assert (run.prior_codes(7, seed=1) != run.prior_codes(7, seed=2)).all()


def test_many_images_are_encoded_as_one_by_one(run):
    images = ToyImages().images(np.arange(128).repeat(4))
    alone = np.concatenate([run.encode(images[i : i + 1]) for i in (0, 300, 511)])
    np.testing.assert_allclose(run.encode(images)[[0, 300, 511]], alone, rtol=1e-4, atol=1e-5)


def test_an_opened_run_is_the_trained_one(run):
    images = ToyImages().images(np.arange(5))
    # A GPU may choose another kernel.
    exact = {"rtol": 0, "atol": 0} if run.device.type == "cpu" else {"rtol": 1e-5, "atol": 1e-6}
    again = unweave.Run.open(run.path).encode(images)
    np.testing.assert_allclose(again, run.encode(images), **exact)


def test_a_traversal_changes_one_dimension(run):
    image = ToyImages().images(np.array([3]))[0]
    code = run.encode(image[None])[0]
    values = np.stack([code, code + 1], axis=1)
    pictures = run.traverse(image, values)
    assert pictures.shape == (4, 2, 16, 16, 1)
    for d in range(4):
        np.testing.assert_array_equal(pictures[d, 0], run.decode(code[None])[0])
        moved = code.copy()
        moved[d] += 1
        np.testing.assert_array_equal(pictures[d, 1], run.decode(moved[None])[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.encode(np.zeros((2, 16, 16, 1))), "must be uint8 .* got float64"),
        (lambda run: run.encode(np.zeros((2, 1, 16, 16), np.uint8)), r"\(n, 16, 16, 1\)"),
        (lambda run: run.decode(np.zeros((2, 3))), r"shape \(n, 4\), got \(2, 3\)"),
        (lambda run: run.sample(0), "n must be at least 1"),
    ],
)
def test_wrong_arrays_are_one_sentence(run, call, message):
    with pytest.raises(ValueError, match=message):
        call(run)


def test_the_code_table_holds_what_the_encoder_gives(run):
    scores = evaluate(run, ("toy-correlation",), rows=50, seed=3)
    with h5py.File(run.codes_path) as file:
        table = {name: file[name][:] for name in file}
        assert list(file.attrs["factor_names"]) == ["row", "column"]
        assert list(file.attrs["factor_sizes"]) == [8, 8]
        assert file.attrs["data"] == "toy-images"
    index = table["index"]
    assert len(np.unique(index)) == 50
    data = ToyImages()
    assert data.factors is not None
    assert data.factor_values is not None
    images = data.images(index)
    np.testing.assert_allclose(table["codes"], run.encode(images), rtol=1e-4, atol=1e-5)
    assert (table["std"] > 0).all()
    np.testing.assert_array_equal(table["factors"], data.factors[index])
    np.testing.assert_array_equal(table["factor_values"], data.factor_values[index])
    error = ((images / 255.0 - run.reconstruct(images) / 255.0) ** 2).sum((1, 2, 3))
    # Pictures are rounded to 1/255, which 256 pixels can add up to.
    np.testing.assert_allclose(table["reconstruction_error"], error, atol=0.2)
    assert scores["reconstruction_error"] == pytest.approx(table["reconstruction_error"].mean())
    matrix = np.corrcoef(table["codes"].T, table["factors"][:, 0])
    assert scores["toy-correlation"] == pytest.approx(np.abs(matrix[-1, :-1]).max() ** 2)


def test_scores_are_kept_and_read_back(run):
    evaluate(run, ("toy-correlation:power=1",))
    kept = json.loads(run.scores_path.read_text())
    assert kept["rows"] == 128
    assert run.scores == {name: score["value"] for name, score in kept["scores"].items()}
    assert set(run.scores) >= {"reconstruction_error", "toy-correlation:power=1"}


def test_scores_are_computed_when_first_asked_for(run):
    assert not run.scores_path.exists()
    assert run.scores["reconstruction_error"] > 0
    assert run.scores_path.exists()


def test_the_untrained_encoder_is_the_one_before_the_first_step(run, tmp_path, settings):
    one = unweave.train("toy-vae", out=tmp_path / "one", device="cpu", **{**settings, "steps": 1})
    trained = encode_table(run, run.model, rows=128, seed=0).codes
    before = encode_table(run, run.untrained_model, rows=128, seed=0).codes
    after_one = encode_table(one, one.model, rows=128, seed=0).codes
    # One step of Adam moves every weight by at most the learning rate.
    assert 0 < np.abs(before - after_one).max() < 0.5 * np.abs(before - trained).max()
    assert 0 <= untrained_score(run, "toy-correlation") <= 1


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("toy-corelation", "did you mean 'toy-correlation'"),
        ("toy-correlation:pover=1", "did you mean 'power'"),
        ("toy-correlation:power=x", "does not take 'x'"),
        ("toy-sound", "needs sounds, which a run does not have"),
    ],
)
def test_metrics_that_cannot_be_computed_are_said_before_anything_is_written(run, metric, message):
    with pytest.raises(ConfigError, match=message):
        evaluate(run, (metric,))
    assert not run.codes_path.exists()
    assert not run.scores_path.exists()


def test_metrics_of_images_get_images_and_reconstructions(run):
    scores = evaluate(run, ("toy-sharpness", "toy-correlation"))
    images = run.dataset.images(np.arange(128)) / 255
    assert scores["toy-sharpness"] == pytest.approx(images.var(), rel=1e-5)
    decoded = run.reconstruct(run.dataset.images(np.arange(128))) / 255
    wanted = np.square(images - decoded).mean()
    assert evaluate(run, ("toy-distance",))["toy-distance"] == pytest.approx(wanted, rel=1e-5)


def test_without_factors_metrics_of_factors_are_refused(tmp_path, settings):
    settings |= {"data": "toy-images:factors=false"}
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    with pytest.raises(ConfigError, match="needs factors, and toy-images has none"):
        evaluate(run, ("toy-correlation",))
    evaluate(run)
    assert set(run.scores) == {"reconstruction_error"}
    assert run.report().exists()


@pytest.mark.usefixtures("sketched")
def test_scores_and_report_of_an_earlier_step_are_made_anew(run):
    run.report()
    before = scores_of(run)
    assert before["step"] == 20
    longer = unweave.resume(run.path, steps=40, device="cpu")
    os.utime(run.scores_path, (2e9, 2e9))  # the file's time says nothing
    longer.report()
    after = scores_of(longer)
    assert after["step"] == 40
    assert after["scores"] != before["scores"]
    assert longer.scores == {n: s["value"] for n, s in after["scores"].items()}


def test_a_run_that_goes_on_is_the_run_that_was_longer_from_the_start(run, tmp_path, settings):
    whole = unweave.train(
        "toy-vae", out=tmp_path / "whole", device="cpu", **{**settings, "steps": 40}
    )
    longer = unweave.resume(run.path, steps=40, device="cpu")
    a, b = (load_checkpoint(r.checkpoints)[1] for r in (whole, longer))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert longer.scalars() == whole.scalars()
    assert longer.recorded("continued") == [20]
    assert unweave.Run.open(run.path).config.steps == 40
    with pytest.raises(ConfigError, match="steps must be at least 40"):
        unweave.resume(run.path, steps=30, device="cpu")


def test_images_that_are_held_out_are_never_trained_on(tmp_path, settings):
    settings |= {"holdout": 28, "validate_every": 10, "keep_best": "validation/loss"}
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    assert (len(run.dataset), len(run.heldout)) == (100, 28)
    rows = [rows_of(dataset) for dataset in (run.dataset, run.heldout)]
    assert sorted(np.concatenate(rows)) == list(range(128))
    lines = run.scalars()
    assert [line["step"] for line in lines if "validation/loss" in line] == [10, 20]
    best = min(
        (line for line in lines if "validation/loss" in line), key=lambda x: x["validation/loss"]
    )
    assert run.best.step == best["step"]
    scores = run.evaluate("toy-correlation", on="holdout")
    assert "toy-correlation/holdout" in scores
    assert len(h5py.File(run.codes_path)["codes"]) == 28


def test_scores_of_another_data_set(run, call):
    """Of all its images, named after it; the run's own scores stay."""
    own = run.evaluate("toy-correlation")
    scores = run.evaluate("toy-correlation", on="toy-images:bits=1")
    name = "toy-correlation/toy-images:bits=1"
    assert scores[name] == own["toy-correlation"]  # the same frames, packed in another way
    assert name in run.scores
    assert "toy-correlation" in run.scores
    with h5py.File(run.codes_path) as file:
        assert file.attrs["on"] == "toy-images:bits=1"
    run.report()  # encodes images of training itself

    with pytest.raises(
        ConfigError,
        match=r"images of 'toy-images:side=32' are \(32, 32, 1\), and those of the run are "
        r"\(16, 16, 1\); choose",
    ):
        run.evaluate("toy-correlation", on="toy-images:side=32")
    before = run.scores_path.read_bytes()
    error = call("evaluate", run.path, "--on", "holdot", code=2)
    assert "unknown images 'holdot'; did you mean 'holdout'? Known: holdout, to" in error
    assert run.scores_path.read_bytes() == before


def test_scores_of_means_and_samples_while_training(tmp_path, settings):
    settings |= {"evaluate_every": 10, "log_every": 10}
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    lines = run.scalars()
    names = ("score/reconstruction_error", "score/reconstruction_error/sampled")
    assert [line["step"] for line in lines if set(names) <= set(line)] == [10, 20]
    after = run.evaluate((), codes="both", rows=10_000)
    for name in names:
        assert lines[-1][name] == pytest.approx(after[name.removeprefix("score/")], rel=1e-5)
    page = run.report().read_text()
    assert "score/reconstruction_error/sampled" in page


def test_the_best_checkpoint_is_a_run_that_needs_no_other(tmp_path, settings):
    settings |= {"keep_best": "loss", "log_every": 5, "learning_rate": "steps(3e-3, 10: 300)"}
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    lowest = min(run.scalars(), key=lambda line: line["loss"])["step"]
    assert lowest < run.step
    moved = shutil.move(run.best_path, tmp_path / "elsewhere")
    shutil.rmtree(run.path)
    best = unweave.Run.open(moved, device="cpu")
    assert (best.step, best.scalars()[-1]["step"]) == (lowest, lowest)
    alone = unweave.train(
        "toy-vae", out=tmp_path / "alone", device="cpu", **{**settings, "steps": lowest}
    )
    np.testing.assert_array_equal(best.sample(3), alone.sample(3))
    assert best.evaluate("toy-correlation") == alone.evaluate("toy-correlation")


def test_without_a_term_there_is_no_best_checkpoint(run):
    with pytest.raises(RunError, match="has no best checkpoint; train with keep_best=TERM"):
        run.best  # noqa: B018


def test_training_stops_when_the_best_is_long_ago(tmp_path, settings):
    settings |= {
        "holdout": 28, "validate_every": 5, "keep_best": "validation/loss", "stop_after": 2,
        "learning_rate": "steps(3e-3, 20: 1e-9)", "steps": 2000, "beta": "linear(0, 50, 2000)",
    }  # fmt: skip
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    assert run.outcome == "finished"
    assert run.step < 2000


def test_a_run_needs_its_data_for_nothing_but_the_data(run, monkeypatch):
    images = ToyImages().images(np.arange(3))
    expected = run.reconstruct(images)
    opened = unweave.Run.open(run.path, device="cpu")
    monkeypatch.setattr(
        "unweave.loaded_run.build_dataset", lambda *_: pytest.fail("opened the data")
    )
    np.testing.assert_array_equal(opened.reconstruct(images), expected)
    assert opened.sample(2).shape == (2, 16, 16, 1)
    assert "toy-vae on toy-images, step 20 of 20" in repr(opened)


def test_a_notebook_shows_a_run_as_a_table(run, monkeypatch):
    run.evaluate("toy-correlation")
    table = run._repr_html_()
    assert "<tr><th>step</th><td>20 of 20</td></tr>" in table
    loss, score = run.scalars()[-1]["loss"], run.scores["toy-correlation"]
    assert f"<tr><th>loss</th><td>{loss:.4g}</td></tr>" in table
    assert f"<tr><th>toy-correlation</th><td>{score:.4g}</td></tr>" in table
    monkeypatch.setattr(run, "path", type(run.path)("<script>"))
    assert "<script>" not in unweave.Run._repr_html_(run)


def test_what_is_no_run_directory(tmp_path):
    with pytest.raises(RunError, match="has no config.toml"):
        unweave.Run.open(tmp_path)


def test_tiles_lie_in_rows_with_a_line_between():
    images = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    canvas = tile(images, 2)[..., 0]
    line = 200
    expected = [
        [0, 0, line, 1, 1], [0, 0, line, 1, 1], [line] * 5,
        [2, 2, line, line, line], [2, 2, line, line, line],
    ]  # fmt: skip
    np.testing.assert_array_equal(canvas, expected)


def test_the_divergence_of_the_aggregate_posterior_against_the_closed_form():
    rng = np.random.default_rng(1)
    n = 200_000
    # Aggregates N(0, 1), N(1, 1) and N(0, .6²) as mixtures of narrower posteriors.
    means = rng.standard_normal((n, 3)) * [0.8, 0.8, 0.48] + [0, 1, 0]
    stds = np.full((n, 3), 1.0) * [0.6, 0.6, 0.36]
    prior = rng.standard_normal((n, 3))
    closed = [0, 0.5, np.log(1 / 0.6) + 0.6**2 / 2 - 0.5]
    np.testing.assert_allclose(aggregate_kl(means, stds, prior), closed, atol=0.01)
    heavy = rng.standard_t(5, (n, 1))
    assert aggregate_kl(heavy, np.zeros_like(heavy), heavy)[0] == pytest.approx(0, abs=1e-3)


def test_a_score_that_is_not_defined_is_null_in_the_file_and_nan_in_python(run, monkeypatch):
    import toy

    monkeypatch.setattr(toy, "correlation", lambda codes, factors: float("nan"))
    evaluate(run, ("toy-correlation",))
    assert json.loads(run.scores_path.read_text())["scores"]["toy-correlation"]["value"] is None
    assert np.isnan(run.scores["toy-correlation"])
    assert "not defined" in run.report().read_text()


class Counted:
    """How many images a run encodes; what it encodes them to may be shifted."""

    def __init__(self, run, monkeypatch):
        self.images, self.shift, encode = 0, 0.0, run.model.encoder.forward

        def forward(x):
            self.images += len(x)
            return encode(x) + self.shift

        monkeypatch.setattr(run.model.encoder, "forward", forward)


def table_of(run):
    with h5py.File(run.codes_path) as file:
        return {name: file[name][:] for name in file}


def test_images_are_encoded_once_for_all_scores_of_a_step(run, monkeypatch):
    chunk, rows = 32, 80
    for module in ("codetable", "saved_codes", "trained"):
        monkeypatch.setattr(f"unweave.{module}.CHUNK", chunk)
    counted = Counted(run, monkeypatch)
    first = evaluate(run, ("toy-correlation",), rows=rows)
    before = table_of(run)
    assert counted.images == rows
    assert evaluate(run, ("toy-correlation",), rows=rows) == first
    assert counted.images == rows + chunk  # compared with the table
    after = table_of(run)
    assert before.keys() == after.keys()
    for name, array in before.items():
        np.testing.assert_array_equal(array, after[name])


@pytest.mark.parametrize("options", [{"rows": 40}, {"seed": 1}, {"codes": "sampled"}])
def test_other_images_and_draws_are_encoded(run, monkeypatch, options):
    evaluate(run, (), **{"rows": 30, **options})
    expected = table_of(run)
    evaluate(run, (), rows=30)
    counted = Counted(run, monkeypatch)
    evaluate(run, (), **{"rows": 30, **options})
    assert counted.images >= 30
    np.testing.assert_array_equal(table_of(run)["codes"], expected["codes"])


@pytest.mark.parametrize("damage", ["codes", "std", "reconstruction_error", "index", "kind", "cut"])
def test_a_table_that_is_not_what_the_model_gives_is_made_anew(run, damage):
    scores = evaluate(run, ("toy-correlation",), rows=30)
    right = table_of(run)
    if damage == "cut":
        run.codes_path.write_bytes(run.codes_path.read_bytes()[:500])
    else:
        with h5py.File(run.codes_path, "r+") as file:
            if damage == "kind":
                codes = file["codes"][:]
                del file["codes"]
                file["codes"] = codes.astype(np.float64)
            else:
                file[damage][3] += 1
    assert evaluate(run, ("toy-correlation",), rows=30) == scores
    for name, array in table_of(run).items():
        np.testing.assert_array_equal(array, right[name])


def test_a_table_of_weights_that_have_changed_is_made_anew(run, monkeypatch):
    evaluate(run, (), rows=30)
    right = table_of(run)["codes"]
    Counted(run, monkeypatch).shift = 1.0
    evaluate(run, (), rows=30)
    assert (np.abs(table_of(run)["codes"] - right) > 0.1).all()
