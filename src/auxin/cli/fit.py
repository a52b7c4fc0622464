"""Train a model: the best candidate by cross-validation, or the network of a chosen method."""

import time

from auxin.cli._console import Output
from auxin.requests.fit import FitRequest


def fit(request: FitRequest, output: Output) -> None:
    """Train a model and write it to a folder. `auxin predict` and `auxin export` read that folder.

    By default every candidate is cross-validated on the same folds of the labelled rows: scikit-learn's estimators,
    Gaussian processes, networks trained on the main task only, networks and estimators that use the auxiliary labels,
    and a blend of the best candidates. Among the candidates that are about as good as the best, the simplest is kept,
    mixed with a Gaussian process unless that is worse, and trained on all labelled rows. The report at the end states
    its score, corrected for the selection; the scores of a constant guess, of a linear model and of a network without
    auxiliary labels on the same rows; and, if the time allows, the expected gain from more labels.

    With --method NAME, --model, --balanced or --set, one network is trained. The method is compared with single-task
    training on the validation rows and kept if it is better by more than its standard error; --no-guard keeps it in any
    case. The network is then retrained, to the last epoch, on all labelled rows.

    [bold]Examples[/bold]

        auxin fit digits --out models/digits
        auxin fit houses.csv --target price --aux rooms,age --out models/houses
        auxin fit pictures/ --method rotation --no-guard
        auxin fit pictures.csv --image file --target breed --aux species
    """
    output.heading("auxin fit", f"  {request.data.name}: {request.method}")  # before the slow import of torch
    begun = time.monotonic()  # the import is part of the time that the budget limits
    from auxin.cli._fitting import run

    run(request, output, begun)
