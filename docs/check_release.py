"""Fail unless a version may be published: whole wheels, an address, a changelog, a tag.

python docs/check_release.py FOLDER
"""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

from check_versions import ROOT, versions


def without_section(version: str) -> list[str]:
    """Look for the version's heading in the changelog, and for entries that have none yet."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    problems = []
    if not re.search(rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", changelog, re.M):
        problems.append(f"CHANGELOG.md has no heading '## {version} - YYYY-MM-DD'")
    open_entries = re.search(r"^## Unreleased\n(.*?)(?=^## |\Z)", changelog, re.S | re.M)
    if open_entries and open_entries[1].strip():
        problems.append("CHANGELOG.md has entries under 'Unreleased'; move them under the version")
    return problems


def without_address(projects: list[Path]) -> list[str]:
    """List the distributions that do not say where the repository is; an index shows it."""
    return [
        f"{path.parent.name}/pyproject.toml: project.urls is missing; name the repository there"
        for path in projects
        if not tomllib.loads(path.read_text())["project"].get("urls")
    ]


def incomplete(folder: Path) -> list[str]:
    """List the distributions whose files lack what a user or an index needs."""
    problems = []
    for project in sorted(ROOT.glob("p*/*/pyproject.toml")):
        name = project.parent.name.replace("-", "_")
        wheels = sorted(folder.glob(f"{name}-*.whl"))
        sdists = sorted(folder.glob(f"{name}-*.tar.gz"))
        if len(wheels) != 1 or len(sdists) != 1:
            problems.append(f"{name}: expected one wheel and one sdist in {folder}")
            continue
        files = set(zipfile.ZipFile(wheels[0]).namelist())
        with tarfile.open(sdists[0]) as archive:
            inside = {member.partition("/")[2] for member in archive.getnames()}
        minimum = {f"{name}/py.typed", f"{name}/__init__.py"}
        problems += [f"{wheels[0].name} lacks {path}" for path in sorted(minimum - files)]
        if not any(path.endswith("/licenses/LICENSE") for path in files):
            problems.append(f"{wheels[0].name} lacks the licence")
        minimum = {"LICENSE", "README.md", "pyproject.toml"}
        problems += [f"{sdists[0].name} lacks {path}" for path in sorted(minimum - inside)]
    return problems


def untagged(version: str) -> list[str]:
    """Say whether the tag of the version is missing here."""
    tags = subprocess.run(
        ["git", "tag", "--points-at", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return [] if f"v{version}" in tags else [f"HEAD has no tag v{version}; tag it last"]


if __name__ == "__main__":
    (version,) = set(versions().values())
    wrong = [
        *incomplete(Path(sys.argv[1])),
        *without_address(sorted(ROOT.glob("p*/*/pyproject.toml"))),
        *without_section(version),
        *untagged(version),
    ]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"unweave {version} is ready")
