"""The report: one HTML file that needs no network, holds its data as JSON and runs no script but its own.

Everything that a handler, a message or a project may have named reaches the page as JSON, and from there as text nodes:
no markup is ever made of it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from typing import Any

from attrs import frozen


@frozen(kw_only=True)
class Assets:
    """The page's own style and scripts, and the plotting library's (uPlot, MIT)."""

    plot_style: str
    plot_script: str
    plot_licence: str
    style: str
    script: str


def render_page(data: dict[str, Any], assets: Assets) -> str:
    """The whole file."""
    styles = (assets.plot_style, assets.style)
    scripts = (assets.plot_script, assets.script)
    # By hash, since a nonce in a file that is opened again and again is no secret. Data blocks are not run, so the policy
    # needs no entry for them.
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {' '.join(map(_hash, styles))}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    licence = assets.plot_licence.strip()
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta name="referrer" content="no-referrer">',
            "<title>lambdarun report</title>",
            *(f"<style>{style}</style>" for style in styles),
            "</head>",
            "<body>",
            '<a class="skip" href="#main">Skip to the report</a>',
            '<header id="head"></header>',
            '<main id="main" tabindex="-1"><noscript>This report is drawn by the scripts in it: allow them to see it.'
            "</noscript></main>",
            f'<script type="application/json" id="data">{_island(data)}</script>',
            # uPlot's licence asks to stand in all copies.
            f"<!-- uPlot, in the script that follows:\n{licence}\n-->",
            *(f"<script>{script}</script>" for script in scripts),
            "</body>",
            "</html>",
            "",
        )
    )


def _island(data: dict[str, Any]) -> str:
    """JSON that no HTML parser can take for the end of its element, or for a comment."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
