"""Pages of outcomes are taken into the docs with what a person wrote, and without the runs."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NEW = """# A recipe

Somebody, 2020. `unweave reproduce a` repeats it.

**What differs from the paper.** Fewer steps.

| claim | published | here |  |
| --- | --- | --- | --- |
| A | lower | 1 against **2** | agrees |

![mig](mig.png)

*MIG.*

The same with intervals and tests as a page: [experiment.html](experiment.html).

Runs: [a, seed 0](runs/a-seed0).
"""
BY_HAND = """**Where it stopped.**
After an hour.

**What it says.**
Two seeds differ:

| run | seed 0 | seed 1 |
| --- | --- | --- |
| b | .1 | .2 |

![A picture of a person](by-hand.png)

So they do."""
OLD = f"""# A recipe

**What differs from the paper.** Old.

{BY_HAND}

**Changed for this outcome.** `seeds=2`

Old remark.

| claim | published | here |  |
| --- | --- | --- | --- |
| Old claim | lower | 1 against **2** | agrees |

![mig](mig.png)

*Old caption.*
"""


@pytest.fixture
def outcomes():
    spec = importlib.util.spec_from_file_location("outcomes", ROOT / ".ci" / "outcomes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "runs" / "a"
    (folder / "jobs").mkdir(parents=True)
    (folder / "outcome.md").write_text(NEW)
    for name in ("mig.png", "other.png", "experiment.html", "comparison.csv"):
        (folder / name).write_bytes(name.encode())
    return folder


def test_the_page_and_its_pictures_are_copied_alone(outcomes, source, tmp_path):
    outcomes.publish(source, tmp_path / "a")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["mig.png", "outcome.md"]
    text = (tmp_path / "a" / "outcome.md").read_text()
    assert text == NEW[: NEW.index("\nThe same with")]


def test_what_a_person_wrote_is_not_replaced_unless_asked_and_then_kept(outcomes, source, tmp_path):
    page = tmp_path / "a" / "outcome.md"
    page.parent.mkdir()
    page.write_text(OLD)
    with pytest.raises(ValueError, match=r"has paragraphs by hand; .* add --replace"):
        outcomes.publish(source, page.parent)
    assert page.read_text() == OLD
    assert [path.name for path in page.parent.iterdir()] == ["outcome.md"]
    outcomes.publish(source, page.parent, replace=True)
    text = page.read_text()
    assert f"Fewer steps.\n\n{BY_HAND}\n\n| claim |" in text
    assert "Old" not in text


@pytest.mark.parametrize(
    "part",
    ["| claim | published | here |  |", "![mig](mig.png)", "*MIG.*",
     "All numbers are\n\n| run | MIG |", "p values: \n\n| run | seed |"],
)  # fmt: skip
def test_what_is_computed_ends_a_section(part, outcomes):
    page = f"# A recipe\n\n{BY_HAND}\n\n{part}\n\nComputed, too.\n"
    assert "\n\n".join(outcomes.by_hand(page)) == BY_HAND


def test_paragraphs_by_hand_of_the_pages_that_are_there_are_found(outcomes):
    pages = sorted((ROOT / "docs" / "results").glob("*/outcome.md"))
    found = {p.parent.name: outcomes.by_hand(p.read_text(encoding="utf-8")) for p in pages}
    for name in ("tcwae-curve", "tcwae-heatmap", "latent-adversarial"):
        titles = [part.partition("\n")[0] for part in found[name]]
        assert "**What it says.**" in titles
    assert found["vcae-mixture"] == []
