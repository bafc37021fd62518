"""Conditions on factors, as text: `shape == 0 and abs(position_x - position_y) < 8`."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError
from unweave_data.factors import Factors

_LONGEST = 2000

_BINARY: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Mod: operator.mod,
}
_COMPARISONS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def evaluate_condition(condition: str, factors: Factors) -> NDArray[np.bool_]:
    """Return for each image whether a condition on its factors holds.

    The name of a factor stands for its class, and NAME.value for its value. A condition may contain
    numbers, + - * %, abs(...), < <= > >= == != (also chained), `in (1, 2)`, and, or, not, and
    brackets.

    Parameters
    ----------
    condition
        text of the condition
    factors
        factors of n images

    Returns
    -------
    bool array, shape (n,)

    Raises
    ------
    DataError
        If the factors are not known, or the text is not a condition on them.

    Examples
    --------
    >>> known = Factors(np.array([[0, 3], [1, 3], [1, 5]]), None, ("shape", "x"), (2, 6))
    >>> evaluate_condition("shape == 1 and x > 3", known)
    array([False, False,  True])
    """
    if factors.classes is None:
        raise DataError("keep needs factors, but those of this data set are unknown; leave it out")
    if len(condition) > _LONGEST:
        raise DataError(f"keep must have at most {_LONGEST} characters, got {len(condition)}")
    try:
        tree = ast.parse(condition.strip(), mode="eval").body
        mask = np.asarray(_Reader(factors, condition).read(tree))
    except (SyntaxError, RecursionError, MemoryError):
        raise _refuse(
            condition, "is not a condition; write it like `shape == 0 and scale > 2`"
        ) from None
    except (OverflowError, ZeroDivisionError) as error:
        raise _refuse(condition, f"cannot be computed ({error})") from None
    if mask.dtype != np.bool_ or mask.shape != (len(factors.classes),):
        raise _refuse(condition, "is not a comparison; write one, such as `shape == 0`")
    return mask


def _refuse(condition: str, reason: str) -> DataError:
    return DataError(f"keep: {condition[:80]!r} {reason}")


class _Reader:
    """Evaluates the syntax tree of a condition; a node without a method here is refused."""

    def __init__(self, factors: Factors, condition: str) -> None:
        self._factors, self._condition = factors, condition

    def read(self, node: ast.AST) -> Any:
        reader = getattr(self, f"_{type(node).__name__.lower()}", None)
        if reader is None:
            raise self._refuse_node(node)
        return reader(node)

    def _refuse_node(self, node: ast.AST) -> DataError:
        text = ast.unparse(node)
        return _refuse(
            self._condition, f"contains {text[:40]!r}, which is not allowed in a condition"
        )

    def _constant(self, node: ast.Constant) -> Any:
        if type(node.value) in (int, float) and -1e15 <= node.value <= 1e15:  # type: ignore[operator]
            return node.value
        raise self._refuse_node(node)

    def _name(self, node: ast.Name) -> NDArray[np.int64]:
        assert self._factors.classes is not None
        return self._factors.classes[:, self._column(node.id)].astype(np.int64)

    def _attribute(self, node: ast.Attribute) -> NDArray[np.floating]:
        if not isinstance(node.value, ast.Name) or node.attr != "value":
            raise self._refuse_node(node)
        column = self._column(node.value.id)
        if self._factors.values is None:
            raise _refuse(
                self._condition, "needs factor values, but only classes are known; compare classes"
            )
        return self._factors.values[:, column]

    def _column(self, name: str) -> int:
        if name not in self._factors.names:
            names = ", ".join(self._factors.names)[:200]
            raise _refuse(self._condition, f"has no factor {name!r}; the factors are {names}")
        return self._factors.names.index(name)

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        operand = self.read(node.operand)
        if isinstance(node.op, ast.USub):
            return -operand
        if isinstance(node.op, ast.Not) and getattr(operand, "dtype", None) == np.bool_:
            return ~operand
        raise self._refuse_node(node)

    def _binop(self, node: ast.BinOp) -> Any:
        if type(node.op) not in _BINARY:
            raise self._refuse_node(node)
        left, right = self.read(node.left), self.read(node.right)
        if isinstance(node.op, ast.Mod) and not np.all(right):
            raise ZeroDivisionError("remainder of a division by zero")
        return _BINARY[type(node.op)](left, right)

    def _boolop(self, node: ast.BoolOp) -> NDArray[np.bool_]:
        parts = [np.asarray(self.read(value)) for value in node.values]
        if any(part.dtype != np.bool_ for part in parts):
            raise self._refuse_node(node)
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        truth: NDArray[np.bool_] = join.reduce(parts)
        return truth

    def _compare(self, node: ast.Compare) -> NDArray[np.bool_]:
        sides = [node.left, *node.comparators]
        pairs = zip(sides, node.ops, sides[1:], strict=False)
        parts = [np.asarray(self._compare_pair(left, op, right)) for left, op, right in pairs]
        truth: NDArray[np.bool_] = np.logical_and.reduce(parts)
        return truth

    def _compare_pair(self, left: ast.AST, op: ast.cmpop, right: ast.AST) -> Any:
        if type(op) in _COMPARISONS:
            return _COMPARISONS[type(op)](self.read(left), self.read(right))
        if isinstance(op, (ast.Is, ast.IsNot)):
            raise _refuse(self._condition, "contains `is`; write == instead")
        if not isinstance(right, (ast.Tuple, ast.List)):
            raise self._refuse_node(right)
        truth = np.isin(self.read(left), [self.read(element) for element in right.elts])
        return truth if isinstance(op, ast.In) else ~truth

    def _call(self, node: ast.Call) -> Any:
        if not (isinstance(node.func, ast.Name) and node.func.id == "abs" and len(node.args) == 1):
            raise self._refuse_node(node)
        return np.abs(self.read(node.args[0]))
