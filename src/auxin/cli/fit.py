"""Train a model to use: the best candidate by cross-validation, or the network of a named method."""

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
            help="`best` cross-validates estimators, networks and blends; or a name of `auxin ls methods`.",
        ),
    ] = "best",
    guard: Annotated[
        bool,
        typer.Option(help="Fall back to the main task alone where validation does not prefer the method."),
    ] = True,
    budget: Annotated[
        str, typer.Option(metavar="TIME", help="Such as 90s or 1h; `none` for no limit.")
    ] = "5min",
    model: Annotated[
        str | None,
        typer.Option(help="A trunk (`auxin ls models`), `pretrained:PATH`, or your own `module:factory`."),
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
            help="Use K main labels per class, validation included; other rows train auxiliaries.",
        ),
    ] = None,
    validation: Annotated[
        float,
        typer.Option(
            help="Validation rows of a named method: a fraction of the labelled rows, or a number. "
            "They train after the choice."
        ),
    ] = 0.2,
    test: Annotated[
        float,
        typer.Option(help="Rows that are held out to score the finished network, where the data mark none."),
    ] = 0.0,
    metric: Annotated[str | None, typer.Option(help="What to select by. Default: the task's own.")] = None,
    tries: Annotated[int, typer.Option(metavar="N", help="Settings each method tries on validation.")] = 2,
    draws: Annotated[
        int, typer.Option(metavar="N", help="Draws of validation rows that a try is averaged over.")
    ] = 3,
    seed: Annotated[int, typer.Option(help="Of rows, initial weights and batches.")] = 0,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting, such as lr=0.1.")
    ] = None,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Rare classes weigh as much in the loss as frequent ones.")
    ] = False,
    jobs: Jobs = None,
    engine: Engine = "auto",
    address: Address = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Train a model to use, and write it to a folder that `auxin predict` and `auxin export` take.

    By default every candidate is cross-validated on the same folds of the labelled rows: scikit-learn's estimators,
    networks on the main task alone, networks and estimators that use the auxiliary labels, and a blend of the best. The
    simplest that is about as good as the best is trained on all labelled rows. The sentences at the end say how good
    it is, corrected for having chosen, beside a guess, beside one line of scikit-learn, and what more labels would buy.

    With --method NAME, --model or --set one network is trained: the method is compared with single-task training on
    validation rows, and kept if it leads by more than its standard error (--no-guard keeps the method); then it is
    trained again, to the last epoch, on every labelled row.

    [bold]Examples[/bold]

    auxin fit digits --out models/digits

    auxin fit houses.csv --target price --aux rooms,age --test 0.2 --out models/houses

    auxin fit pictures/ --method rotation --no-guard

    auxin fit pictures.csv --image file --target breed --aux species
    """
    output = Output(as_json)
    output.say(f"[bold]auxin fit[/bold]  {data}: {method}")  # before torch is imported, which takes a while
    from auxin.cli._fitting import Asked, run

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
    asked = Asked(
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
            run(asked, output)
