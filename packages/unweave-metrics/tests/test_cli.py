"""The command line: tables, formats, and errors as a sentence with exit code 2."""

import json
import subprocess
import sys

import numpy as np
import pytest
from narrowing import present

import unweave_metrics as um
from unweave_metrics.cli import main


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 3, size=(300, 2))
    codes = factors + 0.3 * rng.normal(size=factors.shape)
    error = rng.random(300)
    return um.write_code_table(
        tmp_path / "codes.h5", codes, factors=factors, reconstruction_error=error
    )


def test_score_prints_the_numbers_of_the_functions(table, capsys):
    assert main(["score", str(table), "--metrics", "mig,factor-vae", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)["scores"]
    stored = um.read_code_table(table)
    assert printed["mig"]["value"] == um.mig(stored.codes, stored.factors)
    assert printed["factor_vae"]["value"] == um.factor_vae(stored.codes, stored.factors)
    assert "reconstruction_error" not in printed


@pytest.mark.parametrize(
    "words",
    [
        ["TABLE", "--metrics", "mig", "mcc"],
        ["--metrics", "mig", "mcc", "TABLE"],
        ["--metrics", "mig,mcc", "TABLE"],
        ["TABLE", "--metrics", "mig, mcc"],
        ["TABLE", "--metrics", "mig mcc", "--seed", "0"],
    ],
)
def test_names_with_commas_or_spaces(table, words, capsys):
    given = [str(table) if word == "TABLE" else word for word in words]
    assert main(["score", *given, "--csv"]) == 0
    names = [line.split(",")[0] for line in capsys.readouterr().out.strip().splitlines()]
    assert names == ["metric", "mig", "mcc"]


def test_a_table_must_be_named(table, capsys):
    for wrong in (
        ["score", "--metrics", "mig"],
        ["compare"],
        ["score", "a.h5", "--metrics", "b.h5"],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(wrong)
        assert stopped.value.code == 2
    assert "score takes one code table" in capsys.readouterr().err


def test_mean_of_the_stored_error_is_a_score(table, capsys):
    assert main(["score", str(table), "--metrics", "mig,reconstruction-error", "--csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "metric,value,low,high"
    expected = present(um.read_code_table(table).reconstruction_error).mean(dtype=float)
    assert float(lines[2].split(",")[1]) == expected


@pytest.mark.parametrize("flag", ["--latex", "--markdown", "--csv", "--json"])
def test_formats_with_intervals(table, flag, capsys):
    assert main(["score", str(table), "--metrics", "mig,mcc", "--bootstrap", "50", flag]) == 0
    assert "mig" in capsys.readouterr().out


def test_a_table_without_factors(tmp_path, capsys):
    path = um.write_code_table(tmp_path / "z.npz", np.random.default_rng(0).normal(size=(99, 3)))
    assert main(["score", str(path)]) == 0
    out = capsys.readouterr().out
    assert "gaussian_total_correlation" in out
    assert "left out mig" in out
    assert "because there are no factors" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["score", "none.h5"], "none.h5 does not exist"),
        (["score", "TABLE", "--metrics", "mog"], "no metric is called 'mog'; known: mig"),
        (["score", "TABLE", "--preset", "x"], "preset must be one of"),
        (["score", "TABLE", "--metrics", "udr"], "call unweave_metrics.udr"),
        (["score", "TABLE", "--seed", "-1"], "seed must be at least 0, got -1"),
        (["score", "TABLE", "--jobs", "0"], "jobs must be at least 1, or -1 for one per core"),
        (
            ["score", "TABLE", "--bootstrap", "-3"],
            "bootstrap must be at least 2, or 0 for no intervals, got -3",
        ),
        (["convert", "TABLE", "/no/folder/out.npz"], "/no/folder does not"),
        (["convert", "TABLE", "out.csv"], "must end in .h5, .hdf5 or .npz"),
    ],
)
def test_errors(table, arguments, words, capsys):
    given = [str(table) if word == "TABLE" else word for word in arguments]
    assert main(given) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


def test_list_compare_and_convert(table, tmp_path, capsys):
    assert main(["list"]) == 0
    assert "carbonneau2022" in capsys.readouterr().out
    other = tmp_path / "other.npz"
    assert main(["convert", str(table), str(other)]) == 0
    assert (um.read_code_table(other).codes == um.read_code_table(table).codes).all()
    capsys.readouterr()
    assert main(["compare", str(table), str(other), "--metrics", "mig"]) == 0
    lines = capsys.readouterr().out.splitlines()
    row = lines[1].split()
    assert row[0] == "mig"
    assert row[1] == row[2]
    assert lines[2].split() == ["mean", "rank", "1.50", "1.50"]


def test_several_seeds_in_one_file(tmp_path, capsys):
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 3, size=(200, 2))
    tables = {
        f"seed-{s}": um.CodeTable(factors + rng.normal(size=factors.shape), factors=factors)
        for s in range(3)
    }
    path = str(um.write_code_tables(tmp_path / "seeds.npz", tables))
    assert main(["score", path, "--metrics", "mig,mcc", "--csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "table,metric,value,low,high"
    assert len(lines) == 7
    assert main(["score", path, "--metrics", "mig"]) == 0
    values = [float(line.split(",")[2]) for line in lines if ",mig," in line]
    summary = um.summarize(values)
    assert f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}" in capsys.readouterr().out
    assert summary.low < summary.mean < summary.high


def test_paired_test_of_several_seeds():
    # scipy's own paired test is the other program.
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(0)
    first, second = rng.random(8), rng.random(8) + 0.1
    found = um.paired_test(first, second)
    assert found.p == pytest.approx(ttest_rel(second, first).pvalue)


def test_import_is_light():
    heavy = "('torch', 'numba', 'scipy', 'sklearn', 'h5py', 'pandas', 'matplotlib')"
    code = f"import sys, unweave_metrics; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_scores_are_floats_and_json():
    score = um.Score(0.5, name="mig", parts={"m": np.eye(2)}, interval=(0.4, 0.6))
    assert score * 2 == 1.0
    assert json.loads(score.to_json())["parts"]["m"] == [[1.0, 0.0], [0.0, 1.0]]
    assert json.loads(um.Score(float("nan")).to_json())["value"] is None
    assert f"{score:.1f}" == "0.5"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "the following arguments are required: command; see unweave-metrics --help"),
        (["nope"], "invalid choice: 'nope'"),
        (["score"], "name a code table"),
        (["score", "a.h5", "--unknown"], "unrecognized arguments: --unknown"),
        (["score", "--bootstrap", "x\n\x1b[31m", "a.h5"], "--bootstrap: must be a whole number"),
        (["score", "--csv", "--json", "a.h5"], "see unweave-metrics score --help"),
        (["score", "x" * 5000], "x"),
        (["list", "x" * 5000], "unrecognized arguments: x"),
    ],
)
def test_what_is_wrong_with_a_command_line_is_one_sentence(words, said, capsys):
    try:
        code: object = main(words)
    except SystemExit as stop:
        code = stop.code
    out, errors = capsys.readouterr()
    assert (code, out) == (2, "")
    assert errors.startswith("unweave-metrics: ")
    assert said in errors
    assert errors.count("\n") == 1
    assert errors.rstrip("\n").isprintable()
    assert len(errors) < 1100


@pytest.mark.parametrize("option", ["--seed", "--jobs", "--bootstrap"])
def test_what_is_no_number_is_a_sentence(table, option, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["score", str(table), option, "1e3"])
    assert ended.value.code == 2
    assert f"argument {option}: must be a whole number, got '1e3'" in capsys.readouterr().err


def test_no_name_of_a_metric_is_a_sentence(table, capsys):
    assert main(["score", str(table), "--metrics", ","]) == 2
    assert "metrics must name at least one metric, got none" in capsys.readouterr().err


def test_the_stored_error_alone_is_a_score(table, capsys):
    assert main(["score", str(table), "--metrics", "reconstruction-error", "--csv"]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert [line.split(",")[0] for line in lines] == ["metric", "reconstruction_error"]
