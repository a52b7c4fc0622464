"""Train a model: the best candidate by cross-validation, or the network of a chosen method."""

from typing import Annotated

import typer

from auxin.cli import _data
from auxin.cli._console import JsonFlag, OutDir, Output
from auxin.cli._engine import Address, Engine, Jobs, conducting
from auxin.cli._typed import command


def fit(
    data: Annotated[
        str,
        typer.Argument(
            help="A table, a folder of images, an .npz file, a known data set, or hub:OWNER/NAME."
        ),
    ],
    out: OutDir = None,
    target: _data.Target = None,
    aux: _data.Aux = None,
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="`best` selects among estimators, networks and blends by cross-validation. Or the name of one method "
            "(`auxin ls methods`).",
        ),
    ] = "best",
    guard: Annotated[
        bool,
        typer.Option(
            help="Fall back to single-task training if the method is not better on the validation set."
        ),
    ] = True,
    budget: Annotated[
        str, typer.Option(metavar="TIME", help="Time limit, such as 90s or 1h. `none`: no limit.")
    ] = "5min",
    model: Annotated[
        str | None,
        typer.Option(
            help="Network trunk: a name (`auxin ls models`), `pretrained:PATH`, or your own `module:factory`."
        ),
    ] = None,
    kinds: _data.Kinds = None,
    missing: _data.Missing = None,
    image: _data.Image = None,
    size: _data.Size = None,
    inputs: _data.Inputs = None,
    split: _data.Split = None,
    group: _data.Group = None,
    ignore: _data.Ignore = None,
    keep: _data.Keep = None,
    text: _data.Text = None,
    unlabelled: _data.Unlabelled = None,
    encoding: _data.Encoding = None,
    level: _data.Level = None,
    root: _data.Root = None,
    labels_per_class: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="Keep K main labels per class, including those of the validation rows. The other rows train only "
            "auxiliary tasks.",
        ),
    ] = None,
    validation: Annotated[
        float,
        typer.Option(
            help="Size of the validation set of a named method: a fraction of the labelled rows, or a number of rows. "
            "After the selection, the network is retrained on all labelled rows."
        ),
    ] = 0.2,
    test: Annotated[
        float,
        typer.Option(
            help="Size of the test set, if the data have none: a fraction of the rows, or a number of rows."
        ),
    ] = 0.0,
    metric: Annotated[str | None, typer.Option(help="Metric for selection. Default: by the task.")] = None,
    tries: Annotated[
        int,
        typer.Option(metavar="N", help="Number of settings that each method tries on the validation set."),
    ] = 2,
    draws: Annotated[
        int, typer.Option(metavar="N", help="Number of validation sets that each setting is averaged over.")
    ] = 3,
    seed: Annotated[int, typer.Option(help="Seed of the splits, the initial weights and the batches.")] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Setting of the method, such as lr=0.1. Repeatable."
        ),
    ] = None,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Weight the loss so that every class counts equally.")
    ] = False,
    jobs: Jobs = None,
    engine: Engine = "auto",
    address: Address = None,
    device: Annotated[str, typer.Option(help="Device: cpu, cuda, or auto.")] = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Train a model and write it to a folder. `auxin predict` and `auxin export` read that folder.

    By default every candidate is cross-validated on the same folds of the labelled rows: scikit-learn's estimators,
    networks trained on the main task only, networks and estimators that use the auxiliary labels, and a blend of the
    best candidates. Among the candidates that are about as good as the best, the simplest is trained on all labelled
    rows. The report at the end gives its score corrected for the selection, the scores of a constant guess and of a
    scikit-learn default for comparison, and the expected gain from more labels.

    With --method NAME, --model or --set, one network is trained. The method is compared with single-task training on
    the validation rows and kept if it is better by more than its standard error; --no-guard keeps it in any case. The
    network is then retrained, to the last epoch, on all labelled rows.

    [bold]Examples[/bold]

    auxin fit digits --out models/digits

    auxin fit houses.csv --target price --aux rooms,age --test 0.2 --out models/houses

    auxin fit pictures/ --method rotation --no-guard

    auxin fit pictures.csv --image file --target breed --aux species
    """
    output = Output(as_json)
    output.say(f"[bold]auxin fit[/bold]  {data}: {method}")  # before torch is imported, which takes a while
    from auxin.cli._fitting import FitArguments, run

    options = _data.given(
        target=target,
        aux=aux,
        kinds=kinds,
        missing=missing,
        image=image,
        size=size,
        inputs=inputs,
        split=split,
        group=group,
        ignore=ignore,
        keep=keep,
        text=text,
        unlabelled=unlabelled,
        encoding=encoding,
        level=level,
    )
    arguments = FitArguments(
        data=data,
        root=root,
        options=options,
        method=method,
        guard=guard,
        budget=budget,
        labels_per_class=labels_per_class,
        validation=validation,
        test=test,
        metric=metric,
        tries=tries,
        draws=draws,
        seed=seed,
        settings=(
            *([f"model={model}"] if model else []),
            *(["class_weights=balanced"] if balanced else []),
            *(set_ or ()),
        ),
        jobs=jobs,
        engine=engine,
        address=address,
        device=device,
        out=out,
        command=command(),
    )
    with conducting(engine) as conducts:
        if conducts:
            run(arguments, output)
