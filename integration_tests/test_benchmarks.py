"""What the benchmarks for a GPU do, done on a processor: their code, not their numbers."""

import importlib.util
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

# vmap imports what torch itself calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning")

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    """Load a script by its name."""
    monkeypatch.syspath_prepend(BENCHMARKS)

    def load(name):
        spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def test_a_method_is_compared_with_itself(script):
    result = script("gpu").numerics("tcwae-gan", torch.device("cpu"), {"critic_width": 8})
    assert result == {"worst": 0.0, "ok": True}


def test_other_noise_is_seen(script, monkeypatch):
    """The check can fail: without the processor's noise the devices differ."""
    gpu = script("gpu")
    calls = iter(range(100))
    draw = gpu.HostNoise.__torch_function__

    def other(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        noise = draw(self, function, types, args, kwargs)
        if kwargs.get("generator") is self._generator and next(calls) > gpu.STEPS:
            return noise + 0.5
        return noise

    monkeypatch.setattr(gpu.HostNoise, "__torch_function__", other)
    assert not gpu.numerics("vae", torch.device("cpu"), {})["ok"]


def test_it_goes_on_where_it_stopped(script, tmp_path, capsys):
    gpu = script("gpu")
    finished: list[str] = []

    def job(name: str) -> dict[str, float]:
        finished.append(name)
        return {"ms": 1.0, "members": 1}

    jobs: dict[str, Callable[[], dict[str, float]]] = {
        name: partial(job, name) for name in ("time a", "time b")
    }
    jobs["time c"] = lambda: {"ms": 1 / 0}
    path = tmp_path / "gpu.json"
    gpu.run(dict(list(jobs.items())[:1]), path, "card", 1.0)
    assert gpu.run(jobs, path, "card", 0.0) == {"time a": {"ms": 1.0, "members": 1}}
    assert "2 are left; the same command continues" in capsys.readouterr().out
    results = gpu.run(jobs, path, "card", 1.0)
    assert finished == ["time a", "time b"]
    assert results["time c"] == {"error": "ZeroDivisionError: division by zero"}
    assert json.loads(path.read_text())["card"] == results
    assert gpu.run(jobs, path, "other card", 0.0) == {}
    assert "| a | 1.000 | 1.000 |" in gpu.table(results)
    jobs["time c"] = partial(job, "time c")  # what failed is tried again, and nothing else
    assert gpu.run(jobs, path, "card", 1.0)["time c"] == {"ms": 1.0, "members": 1}
    assert finished == ["time a", "time b", "time c"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--device", "tpu"], "device 'tpu' does not exist here; use auto, cpu, cuda or cuda:N"),
        (["--minutes", "0"], "--minutes and --seconds must be above 0"),
        ([], "gpu.json is not JSON"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(script, tmp_path, capsys, arguments, sentence):
    (tmp_path / "gpu.json").write_text("{")
    common = ["--device", "cpu", "--results", str(tmp_path / "gpu.json")]
    with pytest.raises(SystemExit) as stop:
        script("gpu").main([*common, *arguments])
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err
    assert (tmp_path / "gpu.json").read_text() == "{"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_cuda_device_nothing_is_measured(script, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        script("gpu").main(["--results", str(tmp_path / "gpu.json")])
    assert stop.value.code == 2
    assert "there is no CUDA device here" in capsys.readouterr().err
    assert not (tmp_path / "gpu.json").exists()


def test_every_kind_of_step_that_the_device_has_is_timed(script, monkeypatch):
    gpu = script("gpu")
    times = gpu.Times(
        torch.device("cpu"), {"data": "dsprites:resolution=16", "architecture": "mlp:widths=16"},
        0.01,
    )  # fmt: skip
    cases = times.cases()
    assert {"plain", "eager float32", "32 batched bfloat16", "compiled bfloat16"} <= set(cases)
    recorded = {"graph float32", "32 side by side bfloat16"}
    assert not recorded & set(cases)
    monkeypatch.setattr(gpu, "recorder_for", lambda device: object)
    assert recorded <= set(times.cases())
    for name in ("rate", "plain", "eager float32", "8 batched float32"):
        result = cases[name]()
        assert min(value for value in result.values() if isinstance(value, float)) > 0
    assert cases["plain"]()["flop"] > 1e5


def test_the_table_in_full_size_has_the_published_weights(script):
    recipe = script("table1").full_size({})
    places = {(job.label, job.place["weight"]): job.settings for job in recipe.jobs()}
    assert len(recipe.jobs()) == 5 * 3 * 5
    assert places["tcwae-mws", 16.0]["beta"] == 6
    assert places["tcwae-mws", 16.0]["gamma"] == 2
    assert places["tcwae-gan", 16.0]["beta"] == 10
    assert places["tcwae-gan", 16.0]["critic_width"] == 1000
    assert places["beta-tcvae", 16.0]["alpha"] == places["beta-tcvae", 16.0]["gamma"] == 1
    assert places["beta-tcvae", 16.0]["beta"] == 6
    kl, ratio = places["factor-vae", 16.0]["terms"]
    assert kl["weights"] == {"kl": 1.0}
    assert ratio["weights"] == {"total_correlation": 10.0}
    assert ratio["options"]["width"] == 1000
    assert all(job.settings["steps"] == 300_000 for job in recipe.jobs())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--minutes", "0"], "argument --minutes: must be a number above 0, got 0"),
        (["--together", "0"], "argument --together: must be at least 1, got 0"),
        (["--set", "steps"], "argument --set: must be KEY=VALUE, as steps=1000, got 'steps'"),
        (["--set", "stepz=3"], "unknown setting of method wae-mmd 'stepz'; did you mean 'steps'"),
        (["--device", "tpu"], "device 'tpu' does not exist here"),
    ],
)
def test_what_the_table_cannot_be_asked_is_one_sentence(
    script, tmp_path, capsys, arguments, sentence
):
    with pytest.raises(SystemExit) as stop:
        script("table1").main(["--device", "cpu", "--out", str(tmp_path / "t"), *arguments])
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "t").exists()


@pytest.mark.slow
def test_the_table_is_trained_in_pieces(script, tmp_path, capsys):
    table1 = script("table1")
    changes = {
        "data": "dsprites:resolution=16", "architecture": "mlp:widths=8", "steps": 100_000,
        "log_every": 10, "checkpoint_every": 10,
    }  # fmt: skip
    small = [f"--set={key}={value}" for key, value in changes.items()]
    table1.main([*small, "--device", "cpu", "--out", str(tmp_path / "t"), "--minutes", "0.5"])
    assert "the same command continues" in capsys.readouterr().out
