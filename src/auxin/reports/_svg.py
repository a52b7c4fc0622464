"""Figures as inline SVG whose colours follow the page's, in light and in dark."""

import re

from markupsafe import Markup, escape

from auxin.reports._style import GRID, INK, MUTED, PALETTE, PAPER, SINGLE

VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    PAPER: "paper",
    SINGLE: "single",
    **{colour: f"c{number}" for number, colour in enumerate(PALETTE)},
}
"""Each colour of the figures, and the page's variable that replaces it."""


def inline(svg: bytes, name: str, title: str) -> Markup:
    """An SVG file as an element of a page: no size of its own, no style that leaks, ids that cannot collide.

    Args:
        svg: The file.
        name: prefixed to every id; unique in the page.
        title: What the figure shows, for those who cannot see it.
    """
    text = svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    box = re.search(r'viewBox="([^"]+)"', text)
    assert box is not None
    opening = f'<svg viewBox="{box[1]}" role="img" aria-label="{escape(title)}">'
    text = re.sub(r"<svg[^>]*>", lambda _: opening, text, count=1)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'xlink:href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r"font-family: [^;\"]+;?", "", text)
    text = re.sub(r"#[0-9a-f]{6}\b", lambda match: variable(match[0]), text)
    return Markup(text)


def variable(colour: str) -> str:
    """The page's variable for a colour of the figures; any other colour stays."""
    name = VARIABLES.get(colour.upper())
    return f"var(--{name})" if name else colour
