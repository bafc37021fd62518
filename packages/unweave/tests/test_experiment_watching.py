"""What a sweep shows: how far each worker and the whole are, and how long the rest takes."""

import io
import json
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from unweave.experiment.claims import claim_job
from unweave.experiment.definition import Experiment, Job, Variant
from unweave.experiment.job_progress import JobProgress, Reporter, read_job_progress
from unweave.experiment.rows import JobFiles, MeasuredValue, Row, write_row
from unweave.experiment.sweep import sweep
from unweave.experiment.sweep_display import Watch, duration, progress_text


def job(seed):
    return Job(label="vae", place={"beta": 4}, seed=seed, settings={})


def put(files, seed, step, seconds, phase="training"):
    progress = JobProgress(
        title=f"vae, beta 4, seed {seed}", host="h", pid=seed + 1, phase=phase,
        step=step, steps=100, first_step=0, seconds=seconds,
    )  # fmt: skip
    files.progress.parent.mkdir(parents=True, exist_ok=True)
    files.progress.write_text(json.dumps(progress.model_dump()))


@pytest.fixture
def watch(tmp_path):
    files = {job(seed).name: JobFiles(tmp_path, job(seed)) for seed in range(4)}
    return Watch(files, dict.fromkeys(files, 100), 0, 4, STUDY)


STUDY = Experiment(name="e", runs=[Variant(label="vae")], measures={"error": "squared-error"})
ERROR = {"error": MeasuredValue(measure="squared-error", value=1.0, step=100)}


def test_what_is_finished_counts_before_the_first_job_is(tmp_path):
    """Results come in the order of the jobs, and wait for a slow first one; rows do not."""
    jobs = [job(seed) for seed in range(5)]
    files = {one.name: JobFiles(tmp_path, one) for one in jobs}
    first, *others = files.values()

    def row(seed, status, **fields):
        return Row(run="vae", place={"beta": 4}, seed=seed, status=status, **fields)

    write_row(others[0], row(1, "failed", reason="of an earlier sweep"))
    told = []

    def save():
        told.append(1)
        return True

    watch = Watch(files, dict.fromkeys(files, 100), 0, 5, STUDY, save)
    watch._count_rows()
    assert watch.summary() == "0 of 5 runs"
    with watch:
        write_row(others[0], row(1, "finished", measures=ERROR))
        write_row(others[1], row(2, "failed"))
        write_row(others[2], row(3, "finished"))  # trained with others, and not measured yet
        wait_until(lambda: watch.summary() == "1 of 5 runs, 1 failed" and told)
        watch.over(jobs[1].name, row(1, "finished", measures=ERROR))
        assert watch.summary() == "1 of 5 runs, 1 failed"
        put(first, 0, 50, 5.0)
        with claim_job(first.claim):
            # 50 steps of the first, and 100 of each of the two that are not over.
            wait_until(lambda: watch.seconds_left() == pytest.approx((50 + 100 + 100) * 0.1))
    assert len(told) == 1


def wait_until(condition):
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_a_sweep_counts_and_writes_its_table_while_the_first_run_waits(tmp_path, monkeypatch):
    monkeypatch.setattr("unweave.experiment.sweep.TABLE_SECONDS", 0.0)
    settings = {
        "method": "toy-vae", "prior": "toy-normal", "architecture": "mlp:widths=8", "dim": 3,
        "steps": 4, "batch_size": 8, "data": "toy-images",
    }  # fmt: skip
    experiment = STUDY.model_copy(update={"settings": settings, "seeds": [0, 1, 2]})
    table = tmp_path / "e" / "experiment.csv"

    class FirstLast:
        """Does the first job last, and gives results in the order of the jobs."""

        def map(self, function, jobs):
            first, *others = list(jobs)
            rows = [function(one) for one in others]
            wait_until(lambda: table.is_file() and table.read_text().count("finished") == 2)
            return iter([function(first), *rows])

    results = sweep(experiment, tmp_path / "e", FirstLast())
    assert all(row.finished for row in results.rows)


def test_the_time_left_is_what_the_steps_cost(watch):
    """Two workers at 10 steps a second, 50 steps done by each, two more runs of 100 to do."""
    assert watch.seconds_left() is None
    names = list(watch._files)
    with claim_job(watch._files[names[0]].claim), claim_job(watch._files[names[1]].claim):
        for seed in (0, 1):
            put(watch._files[names[seed]], seed, 50, 5.0)
        assert len(watch._read_progress()) == 2
        assert watch.seconds_left() == pytest.approx((50 + 50 + 100 + 100) * 0.1 / 2)
        watch.over(names[0], Row(run="vae", place={}, seed=0, status="finished"))
        watch.over(names[1], Row(run="vae", place={}, seed=1, status="failed"))
        assert watch.summary().startswith("1 of 4 runs, 1 failed")


def test_the_time_left_has_what_finished_runs_took_besides_training(watch, monkeypatch):
    """Of 40 seconds 10 were training; the second run has loaded its data for 12 so far."""
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("unweave.experiment.sweep_display.time", clock)
    first, second, *_ = watch._files.items()
    with claim_job(first[1].claim):
        put(first[1], 0, 100, 10.0)
        watch._read_progress()
        assert watch.seconds_left() == pytest.approx(3 * 100 * 0.1)
    clock.now = 40.0
    watch.over(first[0], Row(run="vae", place={}, seed=0, status="finished"))
    with claim_job(second[1].claim):
        put(second[1], 1, 0, 0.0, phase="loading data, 3 of 8 images")
        watch._read_progress()
        clock.now = 52.0
        assert watch.seconds_left() == pytest.approx(3 * (10 + 30) - 12)


def test_a_worker_that_is_gone_is_not_shown(watch):
    name = next(iter(watch._files))
    put(watch._files[name], 0, 50, 5.0)
    assert watch._read_progress() == {}
    with claim_job(watch._files[name].claim):
        assert list(watch._read_progress()) == [name]


def test_a_terminal_has_a_line_for_each_worker_and_one_for_the_whole(watch):
    screen = io.StringIO()
    watch._console = Console(file=screen, force_terminal=True, width=120)
    watch._bars.live.console = watch._console
    names = list(watch._files)
    with claim_job(watch._files[names[0]].claim), watch:
        put(watch._files[names[0]], 0, 50, 5.0)
        watch._show(watch._read_progress())
        watch._bars.refresh()
    shown = screen.getvalue()
    assert "all runs" in shown
    assert "vae, beta 4, seed 0" in shown
    assert "step 50 of 100, 10.0 steps/s" in shown


def test_a_reporter_writes_what_is_read(tmp_path):
    path = tmp_path / "a.progress"
    reporter = Reporter(path, job(3), 100, 20)
    progress = read_job_progress(path)
    assert progress is not None
    assert progress.phase == "starting"
    reporter.start(20, 100)
    reporter.logged(30, {"loss": 1.5})
    reporter._last = 0.0
    reporter.stepped(60)
    progress = read_job_progress(path)
    assert progress is not None
    assert (progress.step, progress.first_step, progress.title) == (60, 20, "vae, beta 4, seed 3")
    assert progress.rate is not None
    assert progress.rate > 0
    assert "loss 1.5" in progress_text(progress)
    reporter.phase("measuring MIG")
    assert progress_text(read_job_progress(path)) == "measuring MIG"
    (tmp_path / "a.4711").write_text("{")  # what a killed process was writing
    (tmp_path / "ab.4711").write_text("{")  # of another job
    Reporter(path, job(3), 100, 20)
    assert {p.name for p in tmp_path.iterdir()} == {"a.progress", "ab.4711"}
    reporter.finish()
    assert read_job_progress(path) is None
    path.write_text("{")
    assert read_job_progress(path) is None
    path.unlink()
    path.mkdir()
    Reporter(path, job(3), 100, 20).finish()  # no run fails because its progress is not shown


def test_times_are_said_shortly():
    assert [duration(s) for s in (3, 99, 100, 5999, 7200)] == [
        "3 s", "99 s", "2 min", "100 min", "2.0 h",
    ]  # fmt: skip
