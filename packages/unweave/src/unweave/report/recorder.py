"""Run a decoder once, and record its operations as a program.

The recorder sees the core operations of PyTorch, whichever modules the decoder consists of. Each
operation on a tensor that depends on the code is translated to one of the few in
`page/js/decoder.js`; operations on weights alone are computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from unweave.report.operations import HANDLERS, IN_PLACE
from unweave.report.program import Program, Register, UnsupportedOperation


@torch.no_grad()
def translate(function: Callable[[Tensor], Tensor], dim: int) -> Program:
    """Translate a function of codes (1, D) to pictures (1, c, h, w).

    Raises
    ------
    UnsupportedOperation
        If an operation is not one that the page can run.
    """
    program, z = Program(), torch.zeros(1, dim)
    with _Recorder(program, z) as recorder:
        picture = function(z)
    result = recorder.value(picture)
    if not isinstance(result, Register) or len(result.shape) != 4:
        raise UnsupportedOperation("a picture that does not depend on the code")
    program.result, program.shape = result.number, result.shape[1:]
    return program


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Translates each operation on a tensor that depends on the code when it is dispatched."""

    def __init__(self, program: Program, z: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._program = program
        # References to the tensors, so that no later tensor gets the id of an earlier one.
        self._registers: dict[int, tuple[Tensor, Register | None]] = {
            id(z): (z, Register(0, tuple(z.shape)))
        }

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # The decoder is not compiled here, and loading the compiler takes seconds.
        return False

    def value(self, item: Any) -> Any:
        """Return the register of a tensor that depends on the code; anything else as it is."""
        if not (isinstance(item, Tensor) and id(item) in self._registers):
            return item
        register = self._registers[id(item)][1]
        if register is None:
            raise UnsupportedOperation("a tensor that was changed in place through another")
        return register

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        arguments, keywords = tree_map(self.value, args), tree_map(self.value, options)
        result = operation(*args, **options)
        if _touches_code((arguments, keywords)):
            self._record(operation, args, arguments, keywords, result)
        return result

    def _record(
        self, operation: Any, args: Any, arguments: Any, keywords: Any, result: Any
    ) -> None:
        target = IN_PLACE.get(operation, operation)
        handler = HANDLERS.get(target)
        if handler is None:
            raise UnsupportedOperation(str(operation).removesuffix(".default"))
        if operation in IN_PLACE:
            self._forget_aliases(args[0])
        outputs = handler(self._program, *arguments, **keywords)
        pairs = (
            [(result, outputs)] if isinstance(result, Tensor) else zip(result, outputs, strict=True)
        )
        for tensor, register in pairs:
            if register is not None:
                self._registers[id(tensor)] = (tensor, register)

    def _forget_aliases(self, target: Tensor) -> None:
        storage = target.untyped_storage().data_ptr()
        for key, (tensor, _) in self._registers.items():
            if tensor is not target and tensor.untyped_storage().data_ptr() == storage:
                self._registers[key] = (tensor, None)


def _touches_code(value: Any) -> bool:
    if isinstance(value, Mapping):
        return _touches_code(list(value.values()))
    if isinstance(value, list | tuple):
        return any(_touches_code(item) for item in value)
    return isinstance(value, Register)
