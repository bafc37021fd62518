"""Photograph reports with Chromium for docs/gallery.md: explorer, scatter, comparison.

python docs/make_screenshots.py runs/demo/report.html runs/comparison.html

The first page is that of `unweave report RUN --embed tsne`, the second that of
`unweave report RUN RUN`. Chromium is not part of what the project needs; `apt-get install chromium`
has one.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "integration_tests"))
from chromium import Chromium, find_chromium  # noqa: E402 - it lies beside the tests

LARGEST = 200_000
"""Bytes of a picture."""
WIDTH, HEIGHT = 1100, 760
LAST_FACTOR = """(() => {
  const colour = [...document.querySelectorAll("#codes select")].at(-1);
  colour.selectedIndex = colour.options.length - 1;
  colour.dispatchEvent(new Event("change"));
})()"""
"""Colours the scatter by the last factor, in dSprites a position."""
READY = "document.querySelector('section.is-live')"


def photograph(browser: Chromium, section: str, path: Path) -> None:
    """Write a picture of the window with a section at its top, in at most 256 colours."""
    browser.run("document.querySelector('nav').hidden = true")
    browser.run("document.documentElement.style.scrollPaddingTop = '0'")
    browser.run(f"document.getElementById('{section}').scrollIntoView({{behavior: 'instant'}})")
    # Frames of an animation, and charts that are drawn when they are seen.
    browser.run("new Promise((done) => setTimeout(done, 2500))")
    browser.screenshot(path)
    content = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(256).save(content, "png", optimize=True)
    if len(content.getvalue()) > LARGEST:
        sys.exit(f"{path} would have {len(content.getvalue()):,} bytes, more than {LARGEST:,}")
    path.write_bytes(content.getvalue())
    print(f"{path}: {len(content.getvalue()):,} bytes")


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("report", type=Path, help="report.html of a run, with an embedding")
    parser.add_argument("comparison", type=Path, help="the page that compares runs")
    parser.add_argument("--out", type=Path, default=DOCS / "images")
    arguments = parser.parse_args()
    for page in (arguments.report, arguments.comparison):
        if not page.is_file():
            sys.exit(f"{page} is not there; write it with unweave report")
    if find_chromium() is None:
        sys.exit("no Chromium is installed; install one: apt-get install chromium")
    with Chromium(WIDTH, HEIGHT) as browser:
        browser.set("Emulation.setScrollbarsHidden", hidden=True)
        browser.open(arguments.report, READY)
        browser.run(LAST_FACTOR)
        for section, name in (("explorer", "report-explorer"), ("codes", "report-scatter")):
            photograph(browser, section, arguments.out / f"{name}.png")
        browser.open(arguments.comparison, READY)
        photograph(browser, "scores", arguments.out / "report-comparison.png")


if __name__ == "__main__":
    main()
