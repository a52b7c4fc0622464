"""Sphinx extension: a page's links to files outside the site become text; links between pages are Sphinx's own."""

import re
from pathlib import Path
from typing import Any

LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|#)([^)#\s]+)(#[^)]*)?\)")


def outside(app: Any, name: str, source: list[str]) -> None:
    """Replace links that leave the documentation's folder by the linked file's name in the repository."""
    home = Path(app.srcdir).resolve()
    page = Path(app.env.doc2path(name)).resolve()

    def plain(found: re.Match[str]) -> str:
        target = (page.parent / found[3]).resolve()
        if target.is_file() and target.is_relative_to(home):
            return found[0]
        if found[1] or not target.exists():  # Sphinx warns of a target that does not exist
            return found[0]
        inside = target.relative_to(home.parent) if target.is_relative_to(home.parent) else found[3]
        shown = found[2].strip("`")
        return f"`{inside}`" if shown.rstrip("/") == str(inside) else f"{found[2]} (`{inside}`)"

    source[0] = LINK.sub(plain, source[0])


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("source-read", outside)
    return {"parallel_read_safe": True}
