"""Options are checked by name and type before anything is built."""

from pathlib import Path
from typing import Literal

import pytest

from unweave.errors import ConfigError, UnknownNameError
from unweave.method import Weight
from unweave.options import build, check_options, options_of, parse_spec
from unweave.registry import Entry


class Thing:
    def __init__(
        self,
        dim: int,
        *,
        df: float = 5.0,
        widths: tuple[int, ...] = (8,),
        mode: Literal["a", "b"] = "a",
        path: Path | None = None,
        learned: bool = False,
        lambda_: Weight = 1.0,
    ) -> None:
        if df <= 0:
            raise ValueError(f"df must be positive, got {df}")
        self.dim, self.options = dim, (df, widths, mode, path, learned, lambda_)


def needy(*, name: str) -> str:
    return name


def untyped(*, name=1):
    return name


@pytest.fixture
def entry():
    return Entry("prior", "thing", f"{__name__}:Thing", "mine", "1.0")


@pytest.fixture(autouse=True)
def loaded(monkeypatch):
    here = {"thing": Thing, "needy": needy}
    monkeypatch.setattr(Entry, "load", lambda self: here[self.name])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (5.0, (8,), "a", None, False, 1.0)),
        ({"df": "3"}, (3.0, (8,), "a", None, False, 1.0)),
        ({"widths": "4,5"}, (5.0, (4, 5), "a", None, False, 1.0)),
        ({"widths": [4, 5]}, (5.0, (4, 5), "a", None, False, 1.0)),
        ({"path": "a,b"}, (5.0, (8,), "a", Path("a,b"), False, 1.0)),
        ({"path": "none", "learned": "true"}, (5.0, (8,), "a", None, True, 1.0)),
        ({"lambda": "2"}, (5.0, (8,), "a", None, False, 2.0)),
        ({"lambda_": "warmup(2, 10)"}, (5.0, (8,), "a", None, False, "warmup(2, 10)")),
    ],
)
def test_text_is_converted_to_the_annotated_type(entry, options, expected):
    thing = build(entry, 3, options=options)
    assert (thing.dim, thing.options) == (3, expected)


def test_an_unknown_option_lists_the_known_ones(entry):
    with pytest.raises(UnknownNameError, match="did you mean 'widths'.*learned"):
        check_options(entry, {"width": 3})


@pytest.mark.parametrize(
    "options",
    [
        {"df": "many"},
        {"mode": "c"},
        {"learned": "perhaps"},
        {"lambda": "log(1)"},
        {"widths": "1.5"},
        {"df": True},
        {"widths": [4, False]},
    ],
)
def test_a_value_of_another_type_is_refused(entry, options):
    (name,) = options
    with pytest.raises(ConfigError, match=f"option {name} of prior thing does not take"):
        check_options(entry, options)


def test_what_the_object_refuses_is_one_sentence(entry):
    with pytest.raises(ConfigError, match="prior thing of mine 1.0: df must be positive, got -1.0"):
        build(entry, 3, options={"df": -1})


def test_a_required_option_is_asked_for():
    entry = Entry("dataset", "needy", "x:y", "mine", "1.0")
    with pytest.raises(ConfigError, match="dataset needy needs the option name"):
        check_options(entry, {})


def test_an_option_without_annotation_is_refused():
    with pytest.raises(ConfigError, match="'name' of untyped needs a type annotation"):
        options_of(untyped)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("normal", ("normal", {})),
        ("dist:normal", ("dist:normal", {})),
        ("student-t:df=3", ("student-t", {"df": "3"})),
        ("a:b:df=3,loc=1", ("a:b", {"df": "3", "loc": "1"})),
        ("mlp:widths=32,16,bias=no", ("mlp", {"widths": "32,16", "bias": "no"})),
        ("npz:path=C:/a=b,c.npz", ("npz", {"path": "C:/a=b,c.npz"})),
    ],
)
def test_a_spec_is_a_name_with_options(text, expected):
    assert parse_spec(text) == expected


@pytest.mark.parametrize("text", ["", "=3", "a=3"])
def test_what_is_no_spec_is_refused(text):
    with pytest.raises(ConfigError, match="expected NAME"):
        parse_spec(text)


def whole(*, floor: float = 0, count: int = 0) -> tuple[float, int]:
    return floor, count


def test_defaults_are_what_is_read_back(monkeypatch):
    """A configuration that was written and read is the same, to the type."""
    entry = Entry("prior", "whole", f"{__name__}:whole", "mine", "1.0")
    monkeypatch.setattr(Entry, "load", lambda self: whole)
    resolved = check_options(entry, {})
    assert list(map(repr, resolved.values())) == ["0.0", "0"]
    assert repr(check_options(entry, resolved)) == repr(resolved)
