"""A full disk and a folder that nobody may write in: one sentence, and what was there is intact."""

import contextlib
import ctypes
import errno
import os
import resource
import shutil

import pytest

import unweave
from unweave.checkpoint import load_checkpoint
from unweave.files import PARTIAL
from unweave.lock import holding

CAP_DAC_OVERRIDE, CAP_VERSION = 1, 0x20080522
SETTINGS = ["prior=toy-normal", "dim=4", "batch_size=16", "architecture=mlp:widths=32",
            "log_every=1", "checkpoint_every=5"]  # fmt: skip
TRAIN = ["toy-vae", "--data", "toy-images", "--steps", "20", "--device", "cpu", "-q"]
for setting in SETTINGS:
    TRAIN += ["--set", setting]
SWEEP = ["sweep", "toy-vae", "--data", "toy-images", "--seeds", "1", "--steps", "10", "--measure",
         "variance=code-variance", "--executor", "serial", "--device", "cpu"]  # fmt: skip
for setting in SETTINGS:
    SWEEP += ["--set", setting]
CPU = ["--device", "cpu"]


@pytest.fixture(scope="module")
def finished(toy_path, tmp_path_factory):
    """A run with everything that commands write."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toy_path)
        patch.setenv("UNWEAVE_PLUGINS", "unweave,toy")
        unweave.registry.registry.cache_clear()
        run = unweave.train(
            "toy-vae", out=folder / "finished", device="cpu", data="toy-images", steps=20,
            prior="toy-normal", dim=4, batch_size=16, architecture="mlp:widths=32", log_every=1,
            checkpoint_every=5,
        )  # fmt: skip
        run.evaluate(("toy-correlation",))
        run.fit_density("toy-affine")
        run.report()
    return run.path


@pytest.fixture
def run(finished):
    """A copy of it."""
    path = finished.parent / "copy"
    shutil.copytree(finished, path)
    yield path
    shutil.rmtree(path)


def content(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@contextlib.contextmanager
def full_disk(monkeypatch, ends):
    """Let no file with some end of its name reach the disk."""
    real = os.fsync

    def fsync(handle):
        if os.readlink(f"/proc/self/fd/{handle}").endswith(ends):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        yield


@contextlib.contextmanager
def small_files(size):
    """Let the system refuse every byte of a file beyond some size, whoever writes it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def read_only(folder):
    """Let this process write nothing in a folder, the superuser, who always may, neither."""
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    before = capabilities()
    if os.geteuid() == 0:
        capabilities(before & ~(1 << CAP_DAC_OVERRIDE))
    try:
        yield
    finally:
        capabilities(before)
        for path in folders:
            path.chmod(0o755)


def capabilities(effective=None):
    """Return which of its rights the superuser uses, the first 32, and set them where given."""
    libc, head, data = (
        ctypes.CDLL(None),
        (ctypes.c_uint32 * 2)(CAP_VERSION),
        (ctypes.c_uint32 * 6)(),
    )
    assert libc.capget(head, data) == 0
    if effective is not None:
        data[0] = effective
        assert libc.capset(head, data) == 0
    return data[0]


def assert_one_sentence(said, words):
    lines = [line for line in said.splitlines() if not line.startswith("warning: ")]
    assert len(lines) == 1, said
    assert lines[0].startswith("unweave: ")
    assert words in lines[0]


WRITTEN = {
    "config.toml": (["train", "--resume", "{run}", "--steps", "25", *CPU], ".toml"),
    "checkpoint": (["train", "--resume", "{run}", "--steps", "25", "-q", *CPU], ".safetensors"),
    "log": (["train", "--resume", "{run}", "--steps", "25", "-q", *CPU], ".jsonl"),
    "codes": (["evaluate", "{run}", "--metrics", "toy-correlation", *CPU], ".h5"),
    "scores": (["evaluate", "{run}", "--metrics", "toy-correlation", *CPU], ".json"),
    "figure": (["figures", "{run}"], ".png"),
    "printed figure": (["figures", "{run}", "--format", "pdf"], ".pdf"),
    "report": (["report", "{run}", *CPU], ".html"),
    "density": (["fit-density", "{run}", "--flow", "toy-affine", *CPU], ".safetensors"),
    "samples": (["sample", "{run}", "--out", "{run}/a.npz", *CPU], ".npz"),
    "pictures of samples": (["sample", "{run}", *CPU], ".png"),
    "traversal": (["traverse", "{run}", "--out", "{run}/a.npz", *CPU], ".npz"),
    "table": (["encode", "{run}", "--out", "{run}/a.h5", *CPU], ".h5"),
    "arrays": (["encode", "{run}", "--out", "{run}/a.npz", *CPU], ".npz"),
    "networks": (["export", "{run}"], ".pt"),
    "facts of networks": (["export", "{run}"], ".json"),
}
ALONE = ("codes", "figure", "printed figure", "density", "samples", "pictures of samples",
         "traversal", "table", "arrays", "networks")  # fmt: skip
"""What a command writes first, and nothing small before it."""


@pytest.mark.parametrize("what", WRITTEN)
def test_a_full_disk_costs_nothing_that_was_there(run, call, monkeypatch, what):
    arguments, ends = WRITTEN[what]
    before = content(run)
    with full_disk(monkeypatch, ends):
        said = call(*(text.replace("{run}", str(run)) for text in arguments), code=2)
    assert_one_sentence(said, "cannot be written: No space left on device")
    after = content(run)
    assert not [name for name in after if PARTIAL in name or ".lock" in name]
    for name, old in before.items():
        if name.endswith(ends) and not name.endswith(".jsonl"):
            assert after[name] == old, name
    assert after["scalars.jsonl"].startswith(before["scalars.jsonl"])
    assert load_checkpoint(run / "checkpoints")[0] >= 20


@pytest.mark.parametrize("what", ALONE)
def test_a_disk_that_is_full_in_the_middle_of_a_file(run, call, what):
    arguments, _ = WRITTEN[what]
    before = content(run)
    with small_files(250):
        said = call(*(text.replace("{run}", str(run)) for text in arguments), code=2)
    assert_one_sentence(said, "cannot be written: ")
    assert content(run) == before


@pytest.mark.parametrize("what", WRITTEN)
def test_a_folder_that_may_not_be_written(run, call, monkeypatch, what):
    arguments, _ = WRITTEN[what]
    before = content(run)
    with read_only(run):
        said = call(*(text.replace("{run}", str(run)) for text in arguments), code=2)
    assert_one_sentence(said, "Permission denied")
    assert content(run) == before


@pytest.mark.parametrize("ends", [".toml", ".jsonl", ".safetensors"])
def test_a_run_that_begins_on_a_full_disk(tmp_path, call, monkeypatch, ends):
    """Beginning again where there is space makes the run that was wanted."""
    command = ["train", *TRAIN, "--out", tmp_path / "run"]
    with full_disk(monkeypatch, ends):
        said = call(*command, code=2)
    assert_one_sentence(said, "cannot be written: No space left on device")
    if (tmp_path / "run/config.toml").exists():
        command = ["train", "--resume", tmp_path / "run", "-q", *CPU]
    call(*command)
    assert unweave.Run.open(tmp_path / "run").step == 20
    assert [line["step"] for line in unweave.Run.open(tmp_path / "run").scalars()] == [
        *range(1, 21)
    ]


def test_a_log_that_is_torn_by_a_full_disk_goes_on(run, call):
    """Half a line reaches the disk; whoever goes on takes it away."""
    size = (run / "scalars.jsonl").stat().st_size
    config = (run / "config.toml").read_text().replace("steps = 20", "steps = 22")
    (run / "config.toml").write_text(config)
    with small_files(size + 30):
        said = call("train", "--resume", run, "-q", *CPU, code=2)
    assert_one_sentence(said, "scalars.jsonl cannot be written: File too large")
    assert (run / "scalars.jsonl").stat().st_size == size + 30
    call("train", "--resume", run, "-q", *CPU)
    assert [line["step"] for line in unweave.Run.open(run).scalars()] == [*range(1, 23)]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("ends", [".toml", ".json", ".csv"])
def test_a_sweep_on_a_full_disk_is_begun_again(tmp_path, call, monkeypatch, ends):
    folder = tmp_path / "sweep"
    with full_disk(monkeypatch, ends):
        said = call(*SWEEP, "--out", folder, code=2)
    assert "cannot be written: No space left on device" in said
    assert "Traceback" not in said
    assert "variance" in call(*SWEEP, "--out", folder)
    assert not [path for path in folder.rglob("*") if PARTIAL in path.name]


def test_a_lock_that_cannot_be_written(tmp_path, monkeypatch):
    refused = pytest.raises(unweave.errors.RunError, match="cannot be written")
    with small_files(3), refused, holding(tmp_path / ".lock", "it is held"):
        pass
    assert list(tmp_path.iterdir()) == []
