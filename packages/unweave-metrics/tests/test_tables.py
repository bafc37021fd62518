"""Code tables: what is written is read, and wrong files are one sentence."""

import os
import zipfile

import h5py
import numpy as np
import pytest
from narrowing import present

import unweave_metrics as um

CODES = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
FACTORS = np.random.default_rng(1).integers(0, 4, size=(50, 2))


@pytest.mark.parametrize("name", ["codes.h5", "codes.hdf5", "codes.npz"])
def test_round_trip(tmp_path, name):
    path = um.write_code_table(
        tmp_path / name, CODES, std=np.abs(CODES) + 1, factors=FACTORS, factor_values=FACTORS / 4,
        reconstruction_error=CODES[:, 0] ** 2, factor_names=["a", "b"], factor_sizes=[4, 4],
        metadata={"seed": 3, "method": "vae"},
    )  # fmt: skip
    table = um.read_code_table(path)
    assert (table.codes == CODES).all()
    assert (present(table.factors) == FACTORS).all()
    assert table.factor_names == ("a", "b")
    assert table.factor_sizes == (4, 4)
    assert table.metadata == {"seed": 3, "method": "vae"}
    assert present(table.reconstruction_error).shape == (50,)
    assert os.listdir(tmp_path) == [name]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = um.write_code_table(tmp_path / "codes.h5", CODES)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        um.write_code_table(path, CODES, metadata={"bad": object()})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["codes.h5"]


def test_soft_and_external_links_are_refused(tmp_path):
    um.write_code_table(tmp_path / "other.h5", CODES)
    for number, link in enumerate([h5py.SoftLink("/z"), h5py.ExternalLink("other.h5", "/codes")]):
        path = tmp_path / f"{number}.h5"
        with h5py.File(path, "w") as file:
            file["z"] = CODES
            file["codes"] = link
        with pytest.raises(ValueError, match="got a link"):
            um.read_code_table(path)


def test_external_storage_is_refused(tmp_path):
    raw = tmp_path / "raw.bin"
    raw.write_bytes(CODES.tobytes())
    path = tmp_path / "codes.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("codes", CODES.shape, "f4", external=[(str(raw), 0, CODES.nbytes)])
    with pytest.raises(ValueError, match="got external storage"):
        um.read_code_table(path)


def test_truncated_missing_and_foreign_files(tmp_path):
    path = um.write_code_table(tmp_path / "codes.h5", CODES)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(ValueError, match="cannot be read as HDF5"):
        um.read_code_table(path)
    with pytest.raises(ValueError, match="none.h5 does not exist; give"):
        um.read_code_table(tmp_path / "none.h5")
    with h5py.File(tmp_path / "empty.h5", "w") as file:
        file["other"] = CODES
    with pytest.raises(ValueError, match="must hold an array 'codes'"):
        um.read_code_table(tmp_path / "empty.h5")
    np.savez(tmp_path / "pickled.npz", codes=np.array([{}, 1], dtype=object))
    with pytest.raises(ValueError, match="cannot be read as npz"):
        um.read_code_table(tmp_path / "pickled.npz")


def test_wrong_attributes_and_what_is_too_large(tmp_path):
    path = tmp_path / "codes.h5"
    for name, value in (("factor_names", 3), ("factor_sizes", "abc"), ("factor_sizes", ["a"])):
        with h5py.File(path, "w") as file:
            file["codes"], file["factors"] = CODES, FACTORS
            file.attrs[name] = value
        with pytest.raises(ValueError, match=f"{name} must be a list with one"):
            um.read_code_table(path)
    with h5py.File(path, "w") as file:  # takes no room on the disk
        file.create_dataset("codes", shape=(10**13, 100), dtype="f4", chunks=(1000, 100))
    with pytest.raises(ValueError, match="codes asks for 4e.06 GB, but a file of this size"):
        um.read_code_table(path)


def test_small_files_that_would_unpack_to_much_are_refused(tmp_path):
    path = tmp_path / "codes.h5"
    with h5py.File(path, "w") as file:  # 18.6 GB of nothing
        file.create_dataset("codes", (50_000_000, 50), "f8", chunks=(100_000, 50))
    assert path.stat().st_size < 3_000
    with pytest.raises(ValueError, match="codes asks for 20 GB"):
        um.read_code_table(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("codes", (3_000_000, 2), "i1", chunks=(1, 2))
    with pytest.raises(ValueError, match="3,000,000 chunks"):
        um.read_code_table(path)
    packed = tmp_path / "codes.npz"
    np.savez_compressed(packed, codes=np.zeros((60_000_000, 5), dtype=np.int8))
    assert packed.stat().st_size < 400_000
    with pytest.raises(ValueError, match="codes.npy asks for 0.3 GB"):
        um.read_code_table(packed)


@pytest.mark.parametrize("header", [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (4, 2), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (10**9, 10**9), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000), }",
    "{'descr': '<f8', 'fortran_order: False",
    "{'descr': ",
    "((((((((((",
    "\x00",
])  # fmt: skip
def test_damaged_npz_headers(tmp_path, header):
    path = tmp_path / "codes.npz"
    text = header.ljust(117) + "\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("codes.npy", b"\x93NUMPY\x01\x00" + bytes([118, 0]) + text.encode())
    with pytest.raises(ValueError, match="codes.npz") as raised:
        um.read_code_table(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["codes.h5", "codes.npz"])
def test_codes_keep_their_precision(tmp_path, name):
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 4, size=(500, 2))
    codes = factors / 4 + 1e8
    table = um.read_code_table(um.write_code_table(tmp_path / name, codes, factors=factors))
    assert table.codes.dtype == np.float64
    assert um.mig(table.codes, table.factors) == um.mig(codes, factors) > 0.9


@pytest.mark.parametrize("name", ["codes.h5", "codes.npz"])
@pytest.mark.parametrize("value", [{"a": 1}, [{"a": 1}], [[1, 2], [3]], None, object()])
def test_metadata_that_only_a_pickle_could_keep_are_refused(tmp_path, name, value):
    with pytest.raises(TypeError, match="metadata 'run' must be a number, a string, a list"):
        um.write_code_table(tmp_path / name, CODES, metadata={"run": value})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut short"])
def test_what_is_no_archive(tmp_path, content):
    path = tmp_path / "codes.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as npz") as raised:
        um.read_code_table(path)
    assert "pickle" not in str(raised.value)


@pytest.mark.parametrize("kind", ["group", "text", "compound", "scalar", "empty", "length"])
def test_wrong_data_sets(tmp_path, kind):
    path = tmp_path / "codes.h5"
    with h5py.File(path, "w") as file:
        file["factors"] = FACTORS
        if kind == "group":
            file.create_group("codes")
        elif kind == "length":
            file["codes"] = CODES[:7]
        else:
            file["codes"] = {
                "text": np.array([b"a"]), "compound": np.zeros(5, dtype=[("a", "f4")]),
                "scalar": 3.0, "empty": h5py.Empty("f4"),
            }[kind]  # fmt: skip
    with pytest.raises((ValueError, TypeError), match="must") as raised:
        um.read_code_table(path)
    assert "\n" not in str(raised.value)


def test_shapes_that_do_not_fit(tmp_path):
    with pytest.raises(ValueError, match=r"factors must have as many rows as codes \(50\), got 49"):
        um.write_code_table(tmp_path / "a.h5", CODES, factors=FACTORS[:49])
    with pytest.raises(ValueError, match="factor_names must name all 2 factors"):
        um.write_code_table(tmp_path / "a.h5", CODES, factors=FACTORS, factor_names=["a"])
    assert os.listdir(tmp_path) == []


def test_several_seeds_in_one_file(tmp_path):
    tables = {f"seed-{s}": um.CodeTable(CODES + s, factors=FACTORS) for s in range(2)}
    for name in ("seeds.h5", "seeds.npz"):
        path = um.write_code_tables(tmp_path / name, tables)
        found = um.read_code_tables(path)
        assert (found["seed-1"].codes == CODES + 1).all()
        with pytest.raises(ValueError, match="2 code tables"):
            um.read_code_table(path)


SAFE = [3, 2.5, True, "word", ["x", "y"], [["x", "y"], ["z", "w"]], [1, 2], [[1, 2], [3, 4]], "é",
        ("x", b"y"), np.float32(3), [], "x" * 100_000]  # fmt: skip
UNSAFE = ["\0", "\ud800", ["x", "y\0"], b"\xff", 2**70, {"b": {"c": 1}}, [[1, 2], [3]], [1, "x"],
        None, 1j, [1] * 20_000, ["x"] * 20_000, np.datetime64("2020")]  # fmt: skip


@pytest.mark.parametrize("end", [".h5", ".npz"])
@pytest.mark.parametrize("value", SAFE, ids=lambda value: repr(value)[:20])
def test_metadata_comes_back_from_every_kind_of_file(tmp_path, end, value):
    path = um.write_code_table(tmp_path / f"a{end}", np.ones((3, 2)), metadata={"about": value})
    found = um.read_code_table(path).metadata["about"]
    expected = ["x", "y"] if isinstance(value, tuple) else value
    assert np.array_equal(np.asarray(found), np.asarray(expected))


@pytest.mark.parametrize("end", [".h5", ".npz"])
@pytest.mark.parametrize("value", UNSAFE, ids=lambda value: ascii(value)[:20])
def test_metadata_that_a_file_would_lose_is_refused_before_one_is_written(tmp_path, end, value):
    path = tmp_path / f"a{end}"
    table = um.CodeTable(np.ones((3, 2)), metadata={"about": value})
    for write in (
        lambda: um.write_code_table(path, np.ones((3, 2)), metadata={"about": value}),
        lambda: um.write_code_tables(path, {"seed": table}),
    ):
        with pytest.raises((ValueError, TypeError), match="metadata 'about' must"):
            write()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("end", [".h5", ".npz"])
def test_names_and_sizes_that_a_file_would_lose_are_refused(tmp_path, end):
    factors = np.array([[0], [1], [0]])
    lost = [("factor_names", ["\0"])] + [("factor_sizes", [size]) for size in (2**70, 1.5, "3")]
    for name, value in lost:
        with pytest.raises(ValueError, match=f"{name} must be a list with one"):
            um.write_code_table(
                tmp_path / f"a{end}", np.ones((3, 2)), factors=factors, **{name: value}
            )
    with pytest.raises(ValueError, match="metadata must not have the name factor_names"):
        um.write_code_table(tmp_path / f"a{end}", np.ones((3, 2)), metadata={"factor_names": 3})


def test_a_strangers_attribute_that_is_no_text_is_read_with_signs(tmp_path):
    import h5py

    path = um.write_code_table(tmp_path / "a.h5", np.ones((3, 2)))
    with h5py.File(path, "a") as file:
        file.attrs["author"] = np.bytes_(b"Andr\xe9")
    assert um.read_code_table(path).metadata["author"] == "Andr\ufffd"


def test_files_of_far_too_many_parts_are_refused_at_once(tmp_path):
    import zipfile

    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        for place in range(5_001):
            file.create_group(f"{place}")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for place in range(5_001):
            archive.writestr(f"{place}/codes.npy", b"")
    for name in ("a.h5", "a.npz"):
        with pytest.raises(ValueError, match=rf"{name} has 5,001 parts, at most 5,000 are read"):
            um.read_code_tables(tmp_path / name)


def test_a_damaged_name_is_one_sentence_about_the_file(tmp_path):
    whole = um.write_code_table(tmp_path / "a.h5", np.ones((4, 3)), metadata={"authorship": "b"})
    damaged = tmp_path / "b.h5"
    damaged.write_bytes(whole.read_bytes().replace(b"authorship", b"\xff" * 10))
    with pytest.raises(TypeError, match=r"b.h5: names of metadata must be strings"):
        um.read_code_tables(damaged)
    damaged.write_bytes(whole.read_bytes().replace(b"codes\0", b"\xff" * 5 + b"\0"))
    with pytest.raises(ValueError, match=r"b.h5"):
        um.read_code_tables(damaged)
