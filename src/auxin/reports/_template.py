"""The pages' templates."""

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape


def template(name: str) -> Any:
    """A template of this folder; what is put into it is escaped."""
    environment = Environment(
        loader=PackageLoader("auxin", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["options_whole"] = options_whole
    return environment.get_template(name)


def options_whole(text: str) -> Markup:
    """Escape a sentence, and keep the end of a line out of the options that it names.

    >>> options_whole("Run <it> with --confirm.")
    Markup('Run &lt;it&gt; with <span class="option">--confirm</span>.')
    """
    return Markup(re.sub(r"--[a-z][a-z-]*[a-z]", r'<span class="option">\g<0></span>', str(escape(text))))
