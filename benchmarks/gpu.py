"""Everything that wants a GPU to be measured: numerics against the processor, and steps timed.

    python benchmarks/gpu.py

takes under ten minutes on any CUDA machine, and the same command continues where an earlier one
stopped: what is done is kept in `runs/gpu.json`, by name of the card and version of torch. With
`--device cpu` the same code runs without a card, on the processor against itself; steps that only
a card records, alone or side by side, are then left out.

Numerics: 20 steps of every method from the same weights, with the same batches and the same noise
on both devices; what is compared are the logged terms of every step. Times: conv64 on batches of
64 frames of dSprites, against a loop as one writes it by hand. The limit is what the arithmetic
alone would take at the rate of a large product of matrices on the same card.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from unweave.config import make_config
from unweave.device import choose_device
from unweave.ensemble import Ensemble
from unweave.errors import ConfigError, UnweaveError, describe, message_of
from unweave.files import write_text
from unweave.registry import registry
from unweave.replay import recorder_for
from unweave.side_by_side import SideBySide
from unweave.trainer import Trainer
from unweave.trainer_setup import make_trainer

sys.path.insert(0, str(Path(__file__).parent / "loops"))
from plain import vae_step  # the loop as one writes it by hand

STEPS = 20
TOLERANCE = 2e-2
"""Of a term in 20 steps: Adam's first steps divide rounding by rounding where gradients vanish."""
SPECIAL = {"infogan": {"dim": 6, "categories": 3, "uniform": 1}}
"""What a method needs to be told."""
LEFT_OUT = ("custom",)
PRODUCT = 4096
"""Rows and columns of the matrices whose product gives the rate of the card."""


class HostNoise(TorchFunctionMode):
    """Draws on the processor what a generator of a device is asked for, so that devices agree.

    generator : whose draws are replaced. twin : on the processor, seeded alike.
    """

    def __init__(self, generator: torch.Generator, twin: torch.Generator) -> None:
        super().__init__()
        self._generator, self._twin = generator, twin

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if kwargs.get("generator") is not self._generator:
            return function(*args, **kwargs)
        host = [a.cpu() if isinstance(a, torch.Tensor) else a for a in args]
        device = {"device": "cpu"} if "device" in kwargs else {}
        noise = function(*host, **kwargs | {"generator": self._twin} | device)
        return noise.to(self._generator.device)


def terms_of(trainer: Trainer, host: Trainer) -> list[dict[str, float]]:
    """Train some steps with batches and noise of the processor; return the terms of each."""
    device = trainer.clock.device
    trainer.orders = [functools.partial(_on, device, order) for order in host.orders]
    terms = []
    for step in range(STEPS):
        host.seed_noise(step)
        with HostNoise(trainer.generator, host.generator):
            trainer.train_step()
        terms.append(trainer.means.take(trainer.step))
    return terms


def _on(device: torch.device, order: Callable[[int], torch.Tensor], step: int) -> torch.Tensor:
    """Return the indices of a step on a device."""
    return order(step).to(device)


def numerics(method: str, device: torch.device, small: Mapping[str, Any]) -> dict[str, Any]:
    """Compare a method on two devices; return the worst difference of a term, relative to it."""
    settings = {"method": method, "data": "dsprites:resolution=16", "dim": 4, "batch_size": 16}
    config = make_config(registry(), {**settings, **small, **SPECIAL.get(method, {})})
    cpu = torch.device("cpu")
    here, there, host = (make_trainer(registry(), config, d) for d in (cpu, device, cpu))
    with exactly():
        one, other = terms_of(here, host), terms_of(there, host)
    worst = max(
        abs(a[name] - b[name]) / (abs(a[name]) + 1.0)
        for a, b in zip(one, other, strict=True)
        for name in a
    )
    return {"worst": worst, "ok": worst <= TOLERANCE}


@contextmanager
def exactly() -> Iterator[None]:
    """Let a card compute in float32 where that is asked for."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def timed(step: Callable[[], Any], device: torch.device, seconds: float) -> float:
    """Return the median time of a step, after a warm-up, in milliseconds."""
    for _ in range(8):
        step()
    times: list[float] = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline or len(times) < 3:
        synchronise(device)
        start = time.perf_counter()
        for _ in range(5):
            step()
        synchronise(device)
        times.append(200 * (time.perf_counter() - start))
    return statistics.median(times)


def synchronise(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Times:
    """The timed steps: names, and what makes a step.

    settings : of the run.
    seconds : that each is timed for.
    """

    def __init__(self, device: torch.device, settings: Mapping[str, Any], seconds: float) -> None:
        self._device, self._seconds = device, seconds
        self._settings = {"method": "vae", "data": "dsprites", "batch_size": 64, **settings}

    def cases(self) -> dict[str, Callable[[], dict[str, Any]]]:
        """Return what is measured, by name; recorded steps only where the device records."""
        records = recorder_for(self._device) is not None
        cases: dict[str, Callable[[], dict[str, Any]]] = {"rate": self._rate, "plain": self._plain}
        for precision in ("float32", "bfloat16"):
            settings = {"precision": precision}
            cases[f"eager {precision}"] = self._case(settings, graph=False)
            if records:
                cases[f"graph {precision}"] = self._case(settings, graph=True)
            for size in (8, 32):
                cases[f"{size} batched {precision}"] = self._case(settings, graph=False, size=size)
                if records:
                    name = f"{size} side by side {precision}"
                    cases[name] = self._case(settings, graph=True, size=size)
        for precision in ("float32", "bfloat16"):  # last, because compiling takes a while
            compiled = {"precision": precision, "compile": True}
            cases[f"compiled {precision}"] = self._case(compiled, graph=False)
        return cases

    def _case(
        self, settings: Mapping[str, Any], *, graph: bool, size: int = 1
    ) -> Callable[[], dict[str, Any]]:
        return lambda: self._step(settings, graph, size)

    def _step(self, settings: Mapping[str, Any], graph: bool, size: int) -> dict[str, Any]:
        said: list[str] = []
        configs = [
            make_config(registry(), {**self._settings, **settings, "seed": seed})
            for seed in range(size)
        ]
        if size == 1:
            say = said.append if graph else None
            trainer: Any = make_trainer(registry(), configs[0], self._device, say=say)
        else:
            members = [make_trainer(registry(), config, self._device) for config in configs]
            recorder = recorder_for(self._device) if graph else None
            trainer = SideBySide(members, recorder, said.append) if recorder else Ensemble(members)
        result: dict[str, Any] = {
            "ms": timed(trainer.train_step, self._device, self._seconds), "members": size,
        }  # fmt: skip
        return result | ({"note": said[0]} if said else {})

    def _plain(self) -> dict[str, Any]:
        config = make_config(registry(), self._settings)
        trainer = make_trainer(registry(), config, self._device)
        x = trainer.feed(torch.arange(config.batch_size, device=self._device))
        step = vae_step(trainer.model.encoder, trainer.model.decoder, x, fused=True)
        with FlopCounterMode(display=False) as counter:
            step()
        flop = counter.get_total_flops()
        return {"ms": timed(step, self._device, self._seconds), "members": 1, "flop": flop}

    def _rate(self) -> dict[str, Any]:
        """Measure operations a second, in float32 and bfloat16."""
        size = PRODUCT if self._device.type == "cuda" else PRODUCT // 8
        rates = {}
        for precision in ("float32", "bfloat16"):
            a = torch.randn(size, size, device=self._device, dtype=getattr(torch, precision))
            ms = timed(functools.partial(torch.mm, a, a), self._device, self._seconds / 4)
            rates[precision] = 2 * size**3 / (ms / 1000)
        return rates


def table(results: Mapping[str, Any]) -> str:
    """Lay out the numerics, and the times with their ratios to the plain loop and to the limit."""
    lines = ["| method | worst difference of a term in 20 steps | |", "|---|---|---|"]
    for name, result in results.items():
        if name.startswith("numerics "):
            text = result.get("error") or f"{result['worst']:.1e}"
            verdict = "agrees" if result.get("ok") else "DIFFERS"
            lines.append(f"| {name.removeprefix('numerics ')} | {text} | {verdict} |")
    lines += ["", "| step | ms | ms per member | of the plain loop | limit, ms | |"]
    lines.append("|---|---|---|---|---|---|")
    plain, rate = results.get("time plain", {}), results.get("time rate", {})
    for name, result in results.items():
        if name.startswith("time ") and "ms" in result:
            precision = "bfloat16" if "bfloat16" in name else "float32"
            limit = 1000 * plain.get("flop", 0) * result["members"] / rate.get(precision, 1e30)
            own = result["ms"] / result["members"]
            lines.append(
                f"| {name.removeprefix('time ')} | {result['ms']:.3f} | {own:.3f} "
                f"| {own / plain.get('ms', float('nan')):.2f} | {limit:.3f} "
                f"| {result.get('note', '')} |"
            )
        elif name.startswith("time ") and "error" in result:
            lines.append(f"| {name.removeprefix('time ')} | - | - | - | - | {result['error']} |")
    return "\n".join(lines)


def work(
    device: torch.device, settings: Mapping[str, Any], small: Mapping[str, Any], seconds: float
) -> dict[str, Callable[[], dict[str, Any]]]:
    """Return everything that is to be measured, by name, times first."""
    times = Times(device, settings, seconds).cases()
    methods = [name for name in registry().names("method") if name not in LEFT_OUT]
    checks = {f"numerics {m}": (lambda m=m: numerics(m, device, small)) for m in methods}
    return {**{f"time {name}": case for name, case in times.items()}, **checks}


def read_results(path: Path) -> dict[str, dict[str, Any]]:
    """Read what earlier calls measured, by card and version.

    Raises
    ------
    ConfigError
        If the file is not one that this program wrote.
    """
    try:
        results = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON ({error}); give --results another path") from error
    if not (isinstance(results, dict) and all(isinstance(part, dict) for part in results.values())):
        raise ConfigError(f"{path} holds other things than results; give --results another path")
    return results


def run(
    jobs: Mapping[str, Callable[[], dict[str, Any]]], path: Path, key: str, minutes: float
) -> dict[str, Any]:
    """Do what is not done or failed, until the time is over; keep every result at once."""
    deadline = time.monotonic() + 60 * minutes
    results = read_results(path)
    of_key = results.setdefault(key, {})
    open_jobs = [name for name in jobs if "error" in of_key.get(name, {"error": "not tried yet"})]
    for number, name in enumerate(open_jobs):
        if time.monotonic() > deadline:
            print(f"{len(open_jobs) - number} are left; the same command continues")
            break
        try:
            of_key[name] = jobs[name]()
        except Exception as error:  # one that fails must not cost the others
            of_key[name] = {"error": describe(error)}
        print(name, of_key[name], flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(results, indent=1) + "\n")
    return {name: of_key[name] for name in jobs if name in of_key}


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=9.0, help="after which it stops")
    parser.add_argument("--seconds", type=float, default=3.0, help="that a step is timed for")
    parser.add_argument("--results", type=Path, default=Path("runs/gpu.json"))
    parser.add_argument("--data", default="dsprites", help="of the timed steps")
    options = parser.parse_args(arguments)
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error("there is no CUDA device here; --device cpu measures the processor instead")
    if not (options.minutes > 0 and options.seconds > 0):
        parser.error("--minutes and --seconds must be above 0")
    try:
        print(measure(options))
    except UnweaveError as error:
        parser.error(message_of(error))


def measure(options: argparse.Namespace) -> str:
    """Measure what is left, and return the tables."""
    device = choose_device(options.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"
    key = f"{name}, torch {torch.__version__}, {options.data}"
    jobs = work(device, {"data": options.data}, {}, options.seconds)
    return f"{key}\n\n{table(run(jobs, options.results, key, options.minutes))}"


if __name__ == "__main__":
    main()
