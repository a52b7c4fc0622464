"""The command line of a finished comparison, so that `--confirm` need not repeat it."""

import shlex
from pathlib import Path

from auxin.records.results import Comparison
from auxin.store import read_json


def stored_words(folder: Path) -> list[str]:
    """Return the options of the comparison in a folder as they were typed; none where the folder holds none.

    Args:
        folder: The comparison's folder.
    """
    file = folder / "comparison.json"
    words = shlex.split(read_json(file, Comparison).command) if file.exists() else []
    return [word for word in words[2:] if word not in ("--json", "--confirm")]
