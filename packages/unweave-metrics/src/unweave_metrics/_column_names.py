"""Turn frames, series, text and categories into arrays of numbers and names of columns."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

import numpy as np

from unweave_metrics._arrays import Array
from unweave_metrics._foreign import has, to_numpy
from unweave_metrics._signatures import array_names

Function = TypeVar("Function", bound=Callable[..., Any])
Names = dict[str, tuple[str, ...]]

# Argument -> setting that holds the names of its columns.
COLUMNS_OF = {
    "codes": "code_names", "test_codes": "code_names", "std": "code_names",
    "factors": "factor_names", "test_factors": "factor_names",
}  # fmt: skip
FACTORS = ("factors", "test_factors")


def with_names(function: Function) -> Function:
    """Return a function of arrays that also accepts frames and text, and names the columns.

    Factors may be text, categories or nullable numbers, and have one dimension. The names of the
    columns become ``settings["factor_names"]`` and ``settings["code_names"]`` of the result.
    """
    needs = array_names(function)

    @functools.wraps(function)
    def call(*arrays: Any, **options: Any) -> Any:
        positional = dict(zip(needs, arrays, strict=False))
        if len(arrays) > len(needs) or positional.keys() & options.keys():
            return function(*arrays, **options)  # Python's error says what is wrong
        arguments, names = as_numbers({**positional, **options})
        return add_names(function(**arguments), names)

    return cast(Function, call)


def add_names(result: Any, names: Names) -> Any:
    """Add the names of columns to the settings of a result, and return it."""
    if names and isinstance(getattr(result, "settings", None), dict):
        result.settings.update(names)
    return result


def as_numbers(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], Names]:
    """Replace frames and text by arrays of numbers; return the arguments and names of columns."""
    numbers = {name: _read(value, name) for name, value in arguments.items()}
    names = cast(Names, {})
    for argument in COLUMNS_OF:
        if argument in numbers:
            own = names_of(numbers[argument])
            if own:
                names.setdefault(COLUMNS_OF[argument], own)
            if argument not in FACTORS and own:
                numbers[argument] = _matrix([numbers[argument]], argument)[0]
    present = [argument for argument in FACTORS if numbers.get(argument) is not None]
    labels = [_labels(numbers[argument]) for argument in present]
    if any(value is not None for value in labels):
        values = [
            numbers[argument] if value is None else value
            for argument, value in zip(present, labels, strict=True)
        ]
        numbers.update(zip(present, _matrix(values, "factors"), strict=True))
    return numbers, names


def _read(value: Any, argument: str) -> Any:
    """Return an array of another library as a numpy array; frames and lists stay as they are."""
    plain = np.isscalar(value) or value is None or isinstance(value, list | tuple)
    foreign = argument in COLUMNS_OF and not plain and not has(value, "to_numpy")
    return to_numpy(value, argument) if foreign else value


def names_of(value: Any) -> tuple[str, ...]:
    """Return the names of a frame's columns or of a series; for other values, none."""
    if has(value, "columns") and has(value, "to_numpy"):
        return tuple(map(str, value.columns))
    if has(value, "to_numpy") and has(value, "name") and value.name is not None:
        return (str(value.name),)
    return ()


def _labels(value: Any) -> Any:
    """Return factors that are not yet a matrix of numbers, as a frame or an array; else None."""
    if has(value, "to_numpy"):
        return value
    if isinstance(value, np.ma.MaskedArray) or not isinstance(value, np.ndarray | list | tuple):
        return None
    try:
        array = value if isinstance(value, np.ndarray) else np.asarray(value)
    except ValueError:  # rows of different lengths: a later check says so
        return None
    if array.ndim == 1:
        return array
    return array if array.ndim == 2 and array.dtype.kind in "OUST" else None


def _matrix(values: list[Any], argument: str) -> list[Array]:
    """Return arrays of numbers (n, k); a word has the same number in all of them."""
    columns = [_columns(value) for value in values]
    counts = {len(part) for part in columns}
    if len(counts) > 1:
        raise ValueError(
            f"test_{argument} must have as many columns as {argument} ({len(columns[0])}), got "
            f"{len(columns[1])}"
        )
    numbers = [_numbers(list(parts), argument) for parts in zip(*columns, strict=True)]
    if not numbers:
        return [np.empty((len(value), 0)) for value in values]
    return [np.column_stack([parts[place] for parts in numbers]) for place in range(len(values))]


def _columns(value: Any) -> list[Any]:
    """Return the columns of a frame, of a series or of an array of one or two dimensions."""
    if has(value, "iloc") and has(value, "columns"):
        return [value.iloc[:, place] for place in range(len(value.columns))]
    if has(value, "columns"):
        return [value[name] for name in value.columns]
    if has(value, "to_numpy"):
        return [value]
    array = np.asarray(value)
    return [array] if array.ndim == 1 else list(array.T)


def _numbers(parts: list[Any], argument: str) -> list[Array]:
    """Return one column of each array as numbers; words become numbers."""
    plain = [_plain(part, argument) for part in parts]
    if not any(values.dtype.kind == "O" for values in plain):
        return plain
    if argument not in FACTORS:
        label = getattr(parts[0], "name", 0)
        raise TypeError(
            f"{argument} must hold numbers, got text in column {str(label)[:80]!r}; convert it"
        )
    words = list(dict.fromkeys(word for part in parts for word in _categories(part)))
    if not words:
        words = sorted({word for values in plain for word in values.tolist()}, key=_order)
    place = {word: number for number, word in enumerate(words)}
    try:
        return [np.array([place[word] for word in values.tolist()]) for values in plain]
    except KeyError as error:
        raise ValueError(
            f"{argument} must hold only declared categories, got {error.args[0]!r:.80}; add it to "
            "the categories"
        ) from None


def _plain(column: Any, argument: str) -> Array:
    """Return a column as numbers, or as objects if it holds text; refuse missing values."""
    label = getattr(column, "name", None)
    where = argument if label is None else f"{argument}: column {str(label)[:80]!r}"
    _check_missing(column, where)
    values = np.asarray(column.to_numpy() if has(column, "to_numpy") else column)
    if str(getattr(column, "dtype", "")) in ("category", "Categorical"):
        return values.astype(object)
    if values.dtype.kind in "biuf":
        return values
    if values.dtype.kind not in "OUST":
        raise TypeError(
            f"{where} must hold numbers, text or categories, got {values.dtype}; convert it"
        )
    items = values.tolist()
    if all(isinstance(item, bool | int | float | np.number) for item in items):
        return np.asarray(items)
    odd = next((item for item in items if not isinstance(item, str | bytes)), None)
    if odd is not None:
        raise TypeError(
            f"{where} must hold either numbers or text, got {odd!r:.80} among other values; "
            "convert it"
        )
    return values.astype(object)


def _check_missing(column: Any, where: str) -> None:
    """Refuse missing values; NaN in a float column is refused by a later check."""
    ask = getattr(column, "isna", None) or getattr(column, "is_null", None)
    kind = getattr(column, "dtype", None)
    if ask is None or (isinstance(kind, np.dtype) and kind.kind == "f"):
        return
    missing = np.flatnonzero(np.asarray(ask()))
    if len(missing):
        raise ValueError(
            f"{where} must have a value in every row, got none in row {missing[0]} "
            f"({len(missing)} such row{'s' if len(missing) > 1 else ''}); drop those rows"
        )


def _categories(column: Any) -> Iterable[Any]:
    """Return the categories that a column declares, in their order."""
    if str(getattr(column, "dtype", "")) == "category":
        return list(column.cat.categories)
    return ()


def _order(word: Any) -> tuple[str, str]:
    """Return the sort key of a word; bytes and text are sorted apart."""
    return type(word).__name__, str(word)
