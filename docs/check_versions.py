"""Fail unless all packages and plugins of the repository have one version."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def versions() -> dict[str, str]:
    """Read every version that is written down: of projects, modules and extras."""
    by_place = {}
    for path in sorted(ROOT.glob("p*/*/pyproject.toml")):
        project = tomllib.loads(path.read_text())["project"]
        by_place[path.parent.name] = project["version"]
        for extra in project.get("optional-dependencies", {}).values():
            pinned = (text.partition("==") for text in extra if text.startswith("unweave"))
            by_place |= {f"{path.parent.name}[{name}]": version for name, _, version in pinned}
    for path in sorted(ROOT.glob("p*/*/src/*/__init__.py")):
        if match := re.search(r'^__version__ = "(.+)"$', path.read_text(), re.MULTILINE):
            by_place[f"{path.parent.name}.__version__"] = match[1]
    return by_place


if __name__ == "__main__":
    table = versions()
    if len(set(table.values())) != 1:
        sys.exit(f"versions differ: {table}")
    print(f"{len(table)} versions, all {next(iter(table.values()))}")
