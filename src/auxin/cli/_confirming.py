"""The request of a finished comparison, so that `--confirm` need not repeat its options."""

import shlex
from pathlib import Path

from auxin.cli import command
from auxin.cli._command import understood
from auxin.cli._from_request import built, fields
from auxin.records.results import Comparison
from auxin.requests.compare import CompareRequest
from auxin.store import read_json


def stored_request(folder: Path) -> CompareRequest | None:
    """Return the request of the comparison in a folder, from its command line; None where there is no such line.

    Args:
        folder: The comparison's folder.
    """
    file = folder / "comparison.json"
    words = understood(shlex.split(read_json(file, Comparison).command)) if file.exists() else []
    if words[:2] != ["auxin", "compare"]:
        return None
    with command("compare").make_context("auxin compare", words[2:]) as context:
        request = built(CompareRequest, list(fields(CompareRequest)), context.params)
    request = request.model_copy(update={"out": folder})
    request.check()
    return request
