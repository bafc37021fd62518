"""The page as text: template, style and scripts in one file under a strict policy."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import json
from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup

SCRIPTS = (
    "floats", "convolution", "decoder", "dom", "theme", "pictures", "grid", "explorer",
    "traversals", "heatmap", "scatter", "histograms", "losses", "compare", "main",
)  # fmt: skip
"""Scripts in the order of the page; each may use those before it."""


def render(template: str, content: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    """Fill a template; return a page that loads nothing and runs only its own script.

    Parameters
    ----------
    template
        A file of the folder `page`.
    content
        What the scripts read, as JSON.
    fields
        What the template shows; text is escaped.
    """
    css = f"{_file('vendor/uPlot.min.css')}\n{_file('report.css')}"
    script = scripts()
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(_file(template)).render(
        **fields,
        policy=policy(css, script),
        css=Markup(css),
        script=Markup(script),
        content=Markup(json_for_html(content)),
    )


def scripts() -> str:
    """Return the chart library and the page's scripts, in a scope of their own."""
    own = "\n".join(_file(f"js/{name}.js") for name in SCRIPTS)
    library = (
        f"/* uPlot\n{_file('vendor/uPlot-LICENSE.txt')}*/\n{_file('vendor/uPlot.iife.min.js')}"
    )
    return f'{library}\n(() => {{\n"use strict";\n{own}\n}})();\n'


def policy(css: str, script: str) -> str:
    """Return the Content-Security-Policy of a page with this style and this script alone.

    Nothing is loaded but pictures that the page carries; no other script, style, form or frame.
    """
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(css)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def json_for_html(content: Any) -> str:
    """Write JSON that no HTML parser can take for an end of the script or a comment.

    Examples
    --------
    >>> json_for_html("</script><!--")
    '"\\\\u003c/script\\\\u003e\\\\u003c!--"'
    """
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def _file(name: str) -> str:
    return importlib.resources.files(__package__).joinpath("page", name).read_text("utf-8")
