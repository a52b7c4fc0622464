"""The pages' templates."""

import re
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from auxin.judging import wording

if TYPE_CHECKING:
    from auxin.exported.card import TrainingRecord
    from auxin.records.results import Comparison


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


def origin(record: "Comparison | TrainingRecord") -> dict[str, str]:
    """When, how long and on what a result was computed."""
    return {
        "started": record.started.replace("T", " ").replace("+00:00", " UTC"),
        "wall time": "" if record.seconds is None else wording.duration(record.seconds),
        **{name: str(value) for name, value in record.hardware.items()},
        **{name if name == "commit" else f"{name} version": value for name, value in record.versions.items()},
    }
