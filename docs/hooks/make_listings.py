"""Write the listings of these pages anew from what `unweave new-plugin` writes; --check compares.

A listing is a code block whose first line is a comment with the path of a file of the package.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from unweave.new_plugin import render

HERE = Path(__file__).parent
EXAMPLES = {
    "prior": "scaled-normal",
    "flow": "affine",
    "posterior": "heavy-tails",
    "estimator": "code-size",
    "cost": "smooth-l1",
    "architecture": "one-hidden-layer",
    "method": "constrained-vae",
    "objective": "picture-critic",
    "optimizer": "sign-descent",
    "metric": "best-correlation",
    "dataset": "bright-squares",
    "executor": "spawned",
    "observer": "diary",
    "command": "last",
}
LISTING = re.compile(r"```python\n# unweave-[\w-]+/(?P<path>[\w./]+)\n.*?```\n", re.DOTALL)


def listed(kind: str, page: str) -> str:
    """Return a page with every listing as the package of its kind has it."""
    name = EXAMPLES[kind]
    files = render(kind, name)

    def listing(match: re.Match[str]) -> str:
        path = match["path"]
        return f"```python\n# unweave-{name}/{path}\n{files[path]}```\n"

    return LISTING.sub(listing, page)


def main() -> None:
    """Write the pages, or exit with the names of those that differ."""
    stale = []
    for kind in EXAMPLES:
        path = HERE / f"{kind}s.md"
        page = path.read_text()
        fresh = listed(kind, page)
        if fresh != page and "--check" in sys.argv:
            stale.append(path.name)
        elif fresh != page:
            path.write_text(fresh)
    if stale:
        sys.exit(f"stale: {', '.join(stale)}; run python docs/hooks/make_listings.py")


if __name__ == "__main__":
    main()
