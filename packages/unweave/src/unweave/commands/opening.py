"""Import the class of runs for commands, which takes seconds because it imports torch."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unweave.api import Run


def import_run() -> type[Run]:
    """Import the class of runs, without garbage collection during the import.

    A million objects come into being that stay as long as the process. To go through them, now and
    whenever garbage is collected later, would add a tenth to the time.
    """
    gc.disable()
    try:
        from unweave.api import Run
    finally:
        gc.freeze()
        gc.enable()
    return Run
