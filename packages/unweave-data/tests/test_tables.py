"""Vectors and time series of the user's own."""

import h5py
import numpy as np
import pytest
from narrowing import present

from unweave_data import load

RNG = np.random.default_rng(0)
ROWS = RNG.normal(3, 2, (30, 4)).astype(np.float32)
CLASSES = np.arange(30) % 3


def stored(data):
    return data.stored().reshape(len(data), -1)


@pytest.mark.parametrize("kind", ["npz", "npy", "h5", "csv", "tsv", "bare"])
def test_files_of_vectors(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    gap = "\t" if kind == "tsv" else ","
    text = [gap.join(map(repr, row)) for row in ROWS.tolist()]
    if kind == "npz":
        np.savez(path, X=ROWS, labels=CLASSES)
    elif kind == "npy":
        np.save(path, ROWS)
    elif kind == "h5":
        with h5py.File(path, "w") as file:
            file["vectors"], file["factors"] = ROWS, CLASSES
    elif kind == "bare":
        path.write_text("\n".join(text))
    else:
        named = [gap.join(("a", "b", "kind", "c", "d"))]
        for row, k in zip(ROWS.tolist(), CLASSES, strict=True):
            named.append(gap.join([*map(repr, row[:2]), "xyz"[k], *map(repr, row[2:])]))
        path.write_text("\n".join(named) + "\n")
    data = load("vectors", path=path)
    assert data.image_shape == (1, 4, 1)
    np.testing.assert_allclose(stored(data), ROWS, rtol=1e-6)
    if kind in ("npy", "bare"):
        assert data.factors is None
    else:
        assert (present(data.factors)[:, 0] == CLASSES).all()


def test_columns_of_a_table_may_be_factors(tmp_path, complaint):
    path = tmp_path / "x.csv"
    rows = [
        f"{a},{b},{k},{'no' if k else 'yes'}" for (a, b, *_), k in zip(ROWS, CLASSES, strict=True)
    ]
    path.write_text("\n".join(["a,b,k,word", *rows]))
    data = load("vectors", path=path, factors="k;word")
    assert data.image_shape == (1, 2, 1)
    assert data.factor_names == ("k", "word")
    assert (present(data.factors)[:, 0] == CLASSES).all()
    assert "no column 'z'; known: a, b, k, word" in complaint(
        load, "vectors", path=path, factors="z"
    )


def test_standard_columns_have_mean_0_and_deviation_1(tmp_path):
    rows = np.column_stack([ROWS, np.full(30, 7.0)])
    np.save(tmp_path / "x.npy", rows)
    found = stored(load("vectors", path=tmp_path / "x.npy", scale="standard"))
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(0), [1, 1, 1, 1, 0], atol=1e-6)


def h5ad(path, dense, form, columns=("cell_type",)):
    from scipy import sparse

    with h5py.File(path, "w") as file:
        if form == "dense":
            file["X"] = dense
        else:
            matrix = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix}[form](dense)
            x = file.create_group("X")
            x.attrs.update({"encoding-type": f"{form}_matrix", "shape": dense.shape})
            x["data"], x["indices"], x["indptr"] = matrix.data, matrix.indices, matrix.indptr
        file["layers/counts"] = dense * 2
        obs = file.create_group("obs")
        for name in columns:
            kind = obs.create_group(name)
            kind["codes"] = (np.arange(len(dense)) % 3).astype(np.int8)
            kind["categories"] = np.array(["B", "NK", "T"], dtype=object)
        obs["age"] = np.linspace(20, 80, len(dense))
        obs["batch"] = np.array(["x", "y"] * (len(dense) // 2), dtype=object)
        file["var/highly_variable"] = np.arange(dense.shape[1]) % 2 == 0
    return path


@pytest.mark.parametrize("form", ["dense", "csr", "csc"])
def test_h5ad(tmp_path, form, complaint):
    dense = RNG.poisson(0.4, (60, 7)).astype(np.float32)
    path = h5ad(tmp_path / "x.h5ad", dense, form)
    data = load("vectors", path=path)
    assert (stored(data) == dense).all()
    assert data.factor_names == ("cell_type",)
    assert (present(data.factors)[:, 0] == np.arange(60) % 3).all()
    some = load("vectors", path=path, factors="batch;age", columns="highly_variable")
    assert (stored(some) == dense[:, ::2]).all()
    assert some.factor_names == ("batch", "age")
    assert some.continuous_factors == ("age",)
    assert (present(some.factors)[:, 0] == np.arange(60) % 2).all()
    np.testing.assert_allclose(present(some.factor_values)[:, 1], np.linspace(20, 80, 60))
    assert (stored(load("vectors", path=path, array="layers/counts")) == 2 * dense).all()
    assert "cell_type" in complaint(load, "vectors", path=path, factors="none")
    assert "highly_variable" in complaint(load, "vectors", path=path, columns="none")


def test_h5ad_as_it_was_written_before_2020(tmp_path):
    dense = RNG.poisson(0.4, (12, 3)).astype(np.float32)
    path = h5ad(tmp_path / "x.h5ad", dense, "dense", columns=())
    with h5py.File(path, "r+") as file:
        file["obs/kind"] = (np.arange(12) % 2).astype(np.int8)
        file["obs/__categories/kind"] = np.array(["p", "q"], dtype=object)
    data = load("vectors", path=path)
    assert data.factor_names == ("kind",)
    assert (present(data.factors)[:, 0] == np.arange(12) % 2).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f["X/indices"].__setitem__(0, 99), "is not a sparse matrix"),
        (lambda f: f["X/indptr"].__setitem__(5, 10_000), "is not a sparse matrix"),
        (lambda f: f["X/indptr"].__setitem__(0, 1), "is not a sparse matrix"),
        (lambda f: f["X"].attrs.__setitem__("shape", (60, 7, 2)), "two axes"),
        (lambda f: f["obs/cell_type/codes"].__setitem__(3, 9), "is not a column"),
        (lambda f: f["obs/cell_type/codes"].__setitem__(3, -1), "1 of 60 have none"),
        (lambda f: f["X/data"].__setitem__(0, np.nan), "finite"),
    ],
)
def test_h5ad_that_is_damaged(tmp_path, complaint, change, words):
    dense = RNG.poisson(0.4, (60, 7)).astype(np.float32)
    path = h5ad(tmp_path / "x.h5ad", dense, "csr")
    with h5py.File(path, "r+") as file:
        change(file)
    assert words in complaint(load, "vectors", path=path)


@pytest.mark.parametrize("kind", ["npz", "npy", "h5"])
@pytest.mark.parametrize("axes", [2, 3])
def test_series(tmp_path, kind, axes):
    rows = RNG.normal(size=(9, 50, 3)[:axes]).astype(np.float32)
    path = tmp_path / f"x.{kind}"
    if kind == "npz":
        np.savez(path, series=rows, factors=np.arange(9) % 2)
    elif kind == "npy":
        np.save(path, rows)
    else:
        with h5py.File(path, "w") as file:
            file["series"] = rows
    data = load("series", path=path)
    c = 3 if axes == 3 else 1
    assert (data.image_shape, data.bits) == ((1, 50, c), 32)
    assert (data.images([4])[0, 0] == rows[4].reshape(50, c)).all()
    assert (data.factors is not None) == (kind == "npz")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one row"),
        ("a,b\n", "at least one row"),
        ("a,b\n1,2\n3\n", "row 3"),
        ("a,b\n1,inf\n3,4\n", "finite"),
        ("word\nx\ny\n", "no column of numbers"),
    ],
)
def test_tables_that_are_no_vectors(tmp_path, complaint, text, words):
    (tmp_path / "x.csv").write_text(text)
    assert words in complaint(load, "vectors", path=tmp_path / "x.csv")


def test_shapes_that_are_another_set(tmp_path, complaint):
    np.save(tmp_path / "x.npy", np.zeros((3, 4, 5, 6)))
    assert "(n, D)" in complaint(load, "vectors", path=tmp_path / "x.npy")
    assert "(n, t, c)" in complaint(load, "series", path=tmp_path / "x.npy")
    np.savez(tmp_path / "x.npz", images=np.zeros((3, 4)))
    assert "load the file as vectors" in complaint(load, "npz", path=tmp_path / "x.npz")
    assert "scale" in complaint(load, "vectors", path=tmp_path / "x.npy", scale="log")
