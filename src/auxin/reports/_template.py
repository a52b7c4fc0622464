"""The pages' templates."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def template(name: str) -> Any:
    """A template of this folder; what is put into it is escaped."""
    environment = Environment(
        loader=PackageLoader("auxin", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
