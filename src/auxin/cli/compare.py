"""Compare methods on the same rows and test whether auxiliary tasks help. Start here."""

from typing import Annotated

import typer

from auxin.cli._console import Output
from auxin.requests.compare import CompareRequest


def compare(
    request: CompareRequest,
    output: Output,
    confirm: Annotated[
        bool,
        typer.Option(
            "--confirm",
            help="Evaluate a finished comparison on the sealed second half of the test rows. Possible once. With --out "
            "DIR alone, the comparison in DIR.",
        ),
    ] = False,
) -> None:
    """Compare methods on the same rows, seeds and tuning budget, and test whether they beat single-task training.

    Every method, single-task training included, tries the same number of settings on the validation set. A learned
    method is compared with the best control and with its own untrained version. The test rows are split in two halves:
    a comparison reports the first, and only --confirm opens the second.

    [bold]Examples[/bold]

        auxin compare
        auxin compare digits --methods single,maxl_frozen,maxl --seeds 20
        auxin compare cifar100 --root DIR --level 20:100 --labels-per-class 10
        auxin compare my.npz --target y --methods all --budget 10min --out runs/my
        auxin compare --confirm --out runs/my
        auxin compare houses.csv --target price --aux rooms,age --group street
        auxin compare pictures.csv --image file --target breed --aux species
    """
    if confirm and request.out and request.identity() == CompareRequest().identity():
        from auxin.cli._confirming import stored_request

        request = stored_request(request.out) or request
    methods = ",".join(request.methods)
    output.heading("auxin compare", f"  {request.data.name}: {methods}")  # before the slow import of torch
    from auxin.cli._comparing import compare_budgets, compare_once

    if len(request.labels) > 1:
        return compare_budgets(request, output, confirm)
    one = request.at(request.labels[0], out=request.folder) if request.labels else request
    comparison, interrupted = compare_once(one, output, confirm)
    if comparison is not None:
        output.result(comparison)
    if interrupted:
        raise typer.Exit(130)
    return None
