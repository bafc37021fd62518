"""Check in a headless Chromium that the search of the built site works from a folder.

python docs/site/check_search.py [FOLDER]; without a Chromium nothing is checked, and that is said.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "integration_tests"))
from chromium import Chromium, find_chromium  # noqa: E402

QUERIES = {"mutual information gap": "metrics/mig.html"}
"""What is searched, and a page that must be among the results."""


def search(browser: Chromium, site: Path, query: str) -> list[str]:
    """Search for a text and return the addresses of the results, relative to the site."""
    browser.open(site / "index.html", "document.querySelector('.md-search__input')")
    browser.wait("window.IFrameWorker && typeof __index === 'object'")
    browser.run("document.querySelector('[data-md-toggle=search]').click()")
    browser.run("document.querySelector('.md-search__input').focus()")
    browser.set("Input.insertText", text=query)
    browser.set("Input.dispatchKeyEvent", type="keyUp", key=query[-1])
    links = "[...document.querySelectorAll('.md-search-result__link')]"
    browser.wait(f"{links}.length > 0", seconds=30)
    addresses = browser.run(f"{links}.map(link => link.href)")
    base = site.resolve().as_uri() + "/"
    return [text.removeprefix(base).partition("?")[0].partition("#")[0] for text in addresses]


def main(site: Path) -> None:
    """Search, and look that nothing was asked for from elsewhere."""
    with Chromium() as browser:
        for query, page in QUERIES.items():
            results = search(browser, site, query)
            if page not in results:
                sys.exit(f"searching for {query!r} does not find {page}, but {results}")
        elsewhere = [url for url in browser.requests if not url.startswith(("file:", "data:"))]
    if elsewhere:
        sys.exit(f"the site asked for {elsewhere}")
    print(f"{len(QUERIES)} searches found their pages, and nothing was fetched from elsewhere")


if __name__ == "__main__":
    if find_chromium() is None:
        print("no Chromium here: the search was not checked")
    else:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else "site"))
