"""Write a new member of a family, and its test, into a folder of your own."""

import keyword

from auxin import catalogue
from auxin.cli._console import Output
from auxin.cli._templates import TEMPLATES
from auxin.errors import ConfigError
from auxin.requests.model import NewRequest
from auxin.store import write_text


def new(request: NewRequest, output: Output) -> None:
    """Write a member that works, and a test that it passes, to start from.

    The member is written to DIR/FAMILY/NAME.py, such as DIR/combiners/NAME.py, and its test to DIR/test_NAME.py. If
    the environment variable AUXIN_PLUGINS is set to DIR, every command accepts the member's name. Existing files are
    never overwritten.

    [bold]Example[/bold]

        auxin new combiner mine
        export AUXIN_PLUGINS=auxin_members
        auxin compare my.csv --target y --aux a,b --methods single,mine
    """
    kind, name, folder = request.kind, request.name, request.folder
    if kind not in TEMPLATES:
        known = f"one of: {', '.join(TEMPLATES)}"
        raise ConfigError(f"No member of kind {kind!r} can be written", expected=known)
    family = f"{kind}s"
    _check(family, name)
    title = "".join(part.capitalize() for part in name.split("_"))
    written = [folder / family / f"{name}.py", folder / f"test_{name}.py"]
    for file in written:
        if file.exists():
            raise ConfigError(f"{file} is there already", do="Choose another name or folder")
    for file, template in zip(written, TEMPLATES[kind], strict=True):
        write_text(file, template.format(name=name, title=title))
    output.print(f"Written: {written[0]} and its test, {written[1]}.")
    output.print(f"Test it with: python -m pytest {written[1]}")
    # A combiner needs auxiliary tasks.
    data = "my.csv --target y --aux a,b" if kind == "combiner" else "digits"
    output.print(f"Use it with: AUXIN_PLUGINS={folder} auxin compare {data} --methods single,{name}")
    output.result([str(file) for file in written])


def _check(family: str, name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower() or name.startswith("_"):
        wrong = f"{name!r} cannot be a member's name"
        raise ConfigError(wrong, expected="lower-case letters, digits and underscores, a letter first")
    if name == catalogue.CONTRACT or name in catalogue.names(family):
        raise ConfigError(f"The family {family} has a member {name!r} already", do="Choose another name")
