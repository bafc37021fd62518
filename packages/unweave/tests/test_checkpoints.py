"""Checkpoints and configurations that are not a run's own, or not whole: one sentence each."""

import os
import shutil

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
import toy
from PIL import Image

import unweave
from unweave.checkpoint import FORMAT, _content, list_checkpoints, load_checkpoint
from unweave.config import make_config
from unweave.errors import ConfigError, NonFiniteError, RunError
from unweave.method import Method, Weight
from unweave.registry import registry
from unweave.settings import DEEPEST_CONFIG, LARGEST_CONFIG, read_settings


@pytest.fixture(scope="module")
def trained(tmp_path_factory, toy_path):
    """The path of one run of two checkpoints, made by the first test that needs it."""
    return tmp_path_factory.mktemp("checkpoints") / "run"


@pytest.fixture
def run(trained, settings, tmp_path):
    if not trained.exists():
        unweave.train("toy-gan", out=trained, device="cpu", **settings)
    shutil.copytree(trained, tmp_path / "run")
    return unweave.Run.open(tmp_path / "run", device="cpu")


def read(path):
    with safetensors.safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata())  # noqa: SIM118


def rewrite(run, change=lambda tensors: None, honest=True, **metadata):
    """Change the newest checkpoint; `honest` writes the digest of the new content."""
    path = list_checkpoints(run.checkpoints)[-1]
    tensors, about = read(path)
    change(tensors)
    if honest:
        about["content"] = _content(tensors)
    about = {key: value for key, value in {**about, **metadata}.items() if value is not None}
    path.write_bytes(safetensors.torch.save(tensors, metadata=about))


def refused(run):
    """Return the sentence with which the run is not resumed; no file may be changed by it."""
    before = {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()}
    with pytest.raises(RunError) as caught:
        unweave.resume(run.path, steps=30, device="cpu")
    after = {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()}
    assert after == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


WEIGHT = "model.encoder.1.weight"
MOMENT = "optimizer.autoencoder.0.exp_avg"


def drop(name):
    return lambda tensors: tensors.pop(name)


def put(name, make):
    return lambda tensors: tensors.__setitem__(name, make(tensors.get(name)))


NAN = put(WEIGHT, lambda w: w * float("nan"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (NAN, "numbers in 'model.encoder.1.weight' that are not finite"),
        (put(MOMENT, lambda m: m * float("inf")), "that are not finite"),
        (put(MOMENT, lambda m: m[:1]), "does not fit the run's configuration"),
        (put("model.encoder.1.bias", lambda b: b[:1]), "has shape (1,) for (32,)"),
        (put(WEIGHT, lambda w: w.double()), "holds torch.float64 for torch.float32"),
        (
            put("model.extra", lambda _: torch.ones(2)),
            "it has 'model.extra', which the run does not have",
        ),
        (
            put("optimizer.autoencoder.99.exp_avg", lambda _: torch.ones(2)),
            "which the run does not have",
        ),
        (
            put("optimizer.stranger.0.exp_avg", lambda _: torch.ones(2)),
            "which the run does not have",
        ),
        (
            put("log.more", lambda _: torch.ones(2)),
            "it has 'log.more', which the run does not have",
        ),
        (drop(WEIGHT), "it lacks 'model.encoder.1.weight'"),
        (drop("log.sums"), "it lacks 'log.sums'"),
    ],
)
def test_tensors_that_are_not_the_runs(run, change, words):
    rewrite(run, change)
    assert words in refused(run)


@pytest.mark.parametrize(
    "change",
    [
        drop(MOMENT),
        drop(WEIGHT),
        put("x", lambda _: torch.ones(1)),
        put(WEIGHT, lambda w: w.half()),
    ],
)
def test_tensors_that_were_lost_or_changed(run, change):
    """Also Adam's state alone, without which training would go on another way."""
    rewrite(run, change, honest=False)
    assert "has lost or changed tensors since it was written" in refused(run)
    with pytest.raises(RunError, match="has lost or changed tensors"):
        _ = unweave.Run.open(run.path).model


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"config": "0" * 32}, "belongs to a run with another configuration"),
        ({"config": None}, "belongs to a run with another configuration"),
        ({"content": None}, "has lost or changed tensors"),
        ({"format": None}, "has no format number"),
        ({"format": "3"}, "upgrade unweave"),
        ({"format": "3" * 1000}, "upgrade unweave"),
        ({"step": None}, "has no step"),
        ({"step": "-1"}, "has no step"),
        ({"step": "19"}, "holds step 19, which is not the step of its name"),
        ({"step": "9" * 5000}, "has no step"),
    ],
)
def test_metadata_that_are_not_the_runs(run, metadata, words):
    assert FORMAT == "2"
    rewrite(run, **metadata)
    sentence = refused(run)
    assert words in sentence
    assert len(sentence) < 400


@pytest.mark.parametrize(
    "change", [{"seed": 5}, {"method": "toy-vae"}, {"batch_size": 8}, {"learning_rate": 1e-3}]
)
def test_a_checkpoint_of_another_run_is_not_taken(run, tmp_path, settings, change):
    method = change.pop("method", "toy-gan")
    other = unweave.train(method, out=tmp_path / "other", device="cpu", **{**settings, **change})
    for path in list_checkpoints(other.checkpoints):
        shutil.copy(path, run.checkpoints / path.name)
    assert "belongs to a run with another configuration" in refused(run)
    for ask in (lambda r: r.evaluate(()), lambda r: r.sample(2)):
        with pytest.raises(RunError, match="another configuration"):
            ask(unweave.Run.open(run.path, device="cpu"))


def test_an_option_of_a_later_version_leaves_older_runs_as_they_were(
    tmp_path, settings, monkeypatch
):
    runs = [
        unweave.train("toy-vae", out=tmp_path / str(steps), device="cpu",
                      **{**settings, "steps": steps})
        for steps in (10, 15)
    ]  # fmt: skip
    older = toy.toy_vae

    def later(*, beta: Weight = 1.0, cost: str = "bernoulli", power: float = 2.0) -> Method:
        """A VAE with one option more."""
        assert power == 2.0
        return older(beta=beta, cost=cost)

    monkeypatch.setattr(toy, "toy_vae", later)
    registry.cache_clear()
    run = unweave.Run.open(runs[0].path, device="cpu")
    assert run.config.options["power"] == 2.0
    run.evaluate(())
    resumed = unweave.resume(run.path, steps=15, device="cpu")
    assert "power" not in run.config_path.read_text()
    found, expected = (load_checkpoint(r.checkpoints)[1] for r in (resumed, runs[1]))
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    lines = run.config_path.read_text().splitlines(keepends=True)
    run.config_path.write_text("".join(line for line in lines if not line.startswith("beta =")))
    assert "belongs to a run with another configuration" in refused(run)


def test_a_checkpoint_that_is_replaced_while_it_is_read(run, monkeypatch):
    """Training goes on: the newest checkpoint that was listed may be gone, a newer one there."""
    newest = list_checkpoints(run.checkpoints)[-1]
    listings = [[newest.with_name("step-000000015.safetensors")], [newest]]
    monkeypatch.setattr("unweave.checkpoint.list_checkpoints", lambda folder: listings.pop(0))
    assert load_checkpoint(run.checkpoints)[0] == 20


def test_steps_below_the_checkpoint(run):
    text = run.config_path.read_text()
    run.config_path.write_text(text.replace("steps = 20", "steps = 7"))
    with pytest.raises(RunError, match="is at step 20, beyond its steps=7"):
        unweave.resume(run.path, device="cpu")
    with pytest.raises(ConfigError, match="steps must be at least 20, which the run has done"):
        unweave.resume(run.path, steps=7, device="cpu")


def test_an_unreadable_folder_is_not_an_empty_one(run, monkeypatch):
    log = run.scalars_path.read_text()
    shutil.rmtree(run.checkpoints)
    run.checkpoints.write_text("a file")
    with pytest.raises(RunError, match="checkpoints cannot be read: Not a directory"):
        unweave.resume(run.path, device="cpu")
    run.checkpoints.unlink()
    run.checkpoints.mkdir(mode=0)
    if os.geteuid():  # the superuser reads everything
        with pytest.raises(RunError, match="checkpoints cannot be read: Permission denied"):
            unweave.resume(run.path, device="cpu")
    assert run.scalars_path.read_text() == log


@pytest.mark.parametrize("step", ["Infinity", "NaN", "-1", "1.5", "1e400"])
def test_a_step_of_the_log_that_is_no_whole_number(run, step):
    log = run.scalars_path.read_text()
    run.scalars_path.write_text(f'{log}{{"step": {step}}}\n')
    with pytest.raises(RunError, match="has no whole number under 'step'; delete the line"):
        run.scalars()
    run.scalars_path.write_text(log)


def test_an_exploding_weight_ends_the_run(tmp_path, settings):
    with pytest.raises(NonFiniteError, match="is not finite at step"):
        unweave.train("toy-vae", out=tmp_path / "a", device="cpu", beta=1e38, **settings)
    assert not list_checkpoints(tmp_path / "a" / "checkpoints")
    # The loss itself may stay finite while Adam's second moments, its squares, do not.
    settings |= {"learning_rate": 1e-30}
    with pytest.raises(NonFiniteError, match="exp_avg_sq is not finite at step"):
        unweave.train("toy-vae", out=tmp_path / "b", device="cpu", beta=1e30, **settings)


# Configurations


def test_files_that_are_no_configuration(tmp_path):
    path = tmp_path / "config.toml"

    def sentence(content):
        path.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            read_settings(path)
        assert len(str(caught.value)) < 400 + len(str(path))
        return str(caught.value)

    deep = DEEPEST_CONFIG + 1
    assert "nested too deeply" in sentence(b"a = " + b"[" * 50_000)
    assert "at most 20 levels of tables" in sentence(b"a = " + b"[" * deep + b"]" * deep)
    assert "at most 20 levels of tables" in sentence(b"[" + b".".join([b"a"] * 5000) + b"]")
    assert "a number of too many digits" in sentence(b"a = " + b"7" * 5000)
    assert "it is not UTF-8 text" in sentence(b"a = '\xff'")
    assert "is it another file?" in sentence(b"#" * (LARGEST_CONFIG + 1))
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="is not a file"):
        read_settings(path)


LONG = "x" * 1_000_000
NESTED: list[object] = [1]
for _ in range(5000):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": LONG},
        {"prior": f"toy-normal:scale={LONG}"},
        {"prior": LONG},
        {"prior": f"{LONG}:{LONG}"},
        {"prior": f"toy-normal:{LONG}=1"},
        {LONG: 1},
        {"beta": LONG},
        {"classifier": {LONG: 1}},
        {"optimizer": f"adam:lr={LONG}"},
        {"learning_rate": LONG},
        {"dim": 10**5000},
        {"dim": 10**30},
        {"steps": "9" * 5000},
        {"beta": NESTED},
        {"classifier": NESTED},
    ],
    ids=lambda change: next(iter(change))[:20],
)
def test_what_came_is_quoted_in_part(settings, change):
    with pytest.raises(ConfigError) as caught:
        make_config(registry(), {"method": "toy-vae", **settings, **change})
    sentence = str(caught.value)
    assert len(sentence) < 1500
    assert "x" * 90 not in sentence
    assert "sys.set_int_max_str_digits" not in sentence


def test_a_long_method_is_quoted_in_part(settings):
    with pytest.raises(ConfigError) as caught:
        make_config(registry(), {"method": LONG, **settings})
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("device=cpu", "device is not a setting of a run; give it as the option --device"),
        ("out=x", "out is not a setting of a run; give it as the option --out"),
        ("progress=1", "progress is not a setting of a run; give it as the option --quiet"),
        ("kind=1", "unknown setting of method toy-vae 'kind'"),
        (f"x{LONG[:100]}", "--set takes key=value, got 'xxxx"),
    ],
)
def test_settings_that_are_options_of_the_command(call, pair, words, tmp_path):
    said = call("train", "toy-vae", "--set", pair, "--out", tmp_path / "run", code=2)
    assert words in said
    assert "Traceback" not in said


@pytest.mark.parametrize("device", ["meta", "gpu", "cuda:99", "cpu:x", "x" * 1000])
def test_devices_that_are_not_there(call, device, run):
    for command in (
        ("evaluate", run.path),
        ("sample", run.path),
        ("train", "toy-vae", "--data", "toy-images"),
    ):
        said = call(*command, "--device", device, code=2)
        assert "does not exist here; use auto, cpu, cuda or cuda:N" in said
        assert len(said) < 500


def test_a_sample_of_more_than_memory(call, run):
    assert "n must be at most" in call("sample", run.path, "--n", 10**9, code=2)
    said = call("sample", run.path, "--n", 10**6, code=2)
    assert "for a picture, got 1,000,000; write more as arrays, with --out FILE.npz" in said


@pytest.mark.parametrize(
    "words", [("interpolate", "0", "1"), ("traverse",), ("traverse", "--range", "-1", "1")]
)
def test_a_walk_of_more_than_memory(call, run, words):
    command, *more = words
    said = call(command, run.path, *more, "--steps", 10**9, code=2)
    assert "steps must be at most" in said


def test_many_samples_are_a_picture_of_bounded_size(call, run, tmp_path):
    call("sample", run.path, "--n", 3000, "--out", tmp_path / "many.png")
    with Image.open(tmp_path / "many.png") as picture:
        assert picture.width == pytest.approx(picture.height, rel=0.1)
        assert max(picture.size) < 2000


def test_codes_beyond_one_draw_are_other_codes(run, monkeypatch):
    monkeypatch.setattr("unweave.trained.DRAWS", 64)
    codes = run.prior_codes(100)
    assert codes.shape == (100, run.config.dim)
    assert len(np.unique(codes, axis=0)) == 100


def test_a_run_whose_factors_are_partly_constant(tmp_path, settings):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 16, 16), dtype=np.uint8)
    factors = np.stack([np.zeros(60, int), rng.integers(0, 3, 60)], axis=1)
    run = unweave.train(
        "toy-vae", out=tmp_path / "run", device="cpu", **{**settings, "data": (images, factors)}
    )
    with pytest.warns(UserWarning, match="factor 'factor 0' is the same in every encoded image"):
        scores = run.evaluate(("toy-correlation",))
    assert np.isfinite(scores["toy-correlation"])
    codes = run.encode(images[..., None])
    expected = np.nanmax(np.corrcoef(codes.T, factors[:, 1])[-1, :-1] ** 2)
    assert scores["toy-correlation"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.filterwarnings("ignore:factor 'factor 0'")
def test_without_a_factor_that_varies_there_is_a_reason(tmp_path, settings):
    images = np.random.default_rng(0).integers(0, 256, (60, 16, 16), dtype=np.uint8)
    data = (images, np.zeros((60, 2), int))
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **{**settings, "data": data})
    with pytest.warns(UserWarning, match="no score toy-correlation: every factor is the same"):
        assert np.isnan(run.evaluate(("toy-correlation",))["toy-correlation"])
