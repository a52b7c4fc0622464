"""Compare methods on the same rows and test whether auxiliary tasks help. Start here."""

from typing import Annotated

import typer

from auxin.cli import _data
from auxin.cli._console import JsonFlag, OutDir, Output
from auxin.cli._engine import Address, Engine, Jobs, conducting
from auxin.cli._typed import command


def compare(
    data: Annotated[
        str,
        typer.Argument(
            help="A file, a folder of images, a known data set (`auxin ls data`), or hub:OWNER/NAME."
        ),
    ] = "digits",
    root: _data.Root = None,
    methods: Annotated[
        str,
        typer.Option(
            help="Methods to compare, comma-separated: names from `auxin ls methods`, or labelers, combiners, "
            "pretexts and strategies. `all`: every method. `usual`: single-task training, scikit-learn's "
            "estimators, and methods that fit the data. With --aux these are equal, softmax and gradient_cosine, "
            "and given and maxl where an auxiliary refines the target. Without --aux they are self-made tasks and "
            "maxl. Where rows lack the main label, fixmatch and fixmatch_spread are added. STRATEGY:METHOD applies "
            "a strategy to a method, such as refit:softmax or guard:refit:softmax; a strategy alone uses its "
            "default method. untrained:METHOD keeps the learned part of METHOD at its initial values."
        ),
    ] = "usual",
    target: _data.Target = None,
    aux: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMNS",
            help="Columns of auxiliary tasks, comma-separated. NAME=A|B|C makes one task of several columns. `auto` "
            "adds the method auto, which learns weights of these and of every self-made task.",
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
    labels_per_class: Annotated[
        str | None,
        typer.Option(
            "--labels-per-class",
            metavar="K",
            help="Keep K main labels per class, including those of the validation rows. The other rows keep their "
            "auxiliary labels. Default for the digits data set: 10. Pass several values (5,10,20) to plot a learning "
            "curve and express the gain as extra labels.",
        ),
    ] = None,
    fraction: Annotated[
        float | None,
        typer.Option(metavar="F", help="Fraction of the training rows to use. The other rows are dropped."),
    ] = None,
    validation: Annotated[
        float,
        typer.Option(
            help="Size of the validation set: a fraction of the labelled training rows, or a number of rows."
        ),
    ] = 0.2,
    auxiliary: Annotated[
        float,
        typer.Option(
            help="Size of the set held out of training for the meta step: a fraction, or a number of rows."
        ),
    ] = 0.0,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Number of seeds of the final runs. Default: 5, or the number that the preset's paper uses.",
        ),
    ] = None,
    tries: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Number of settings that each method tries on the validation set. Default: 4, or 1 where the "
            "validation set is too small to distinguish settings.",
        ),
    ] = None,
    tuning_seeds: Annotated[
        int, typer.Option(metavar="N", help="Number of seeds per setting that is tried.")
    ] = 2,
    twins: Annotated[
        bool,
        typer.Option(
            help="Also run every learned method with its learned part untrained, to measure what learning adds."
        ),
    ] = True,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Metric for selection and for the verdict: accuracy, balanced_accuracy, auc, f1, log_loss, top3, "
            "hit, r2, mae, rmse, miou, kappa, average_precision, or cost=FILE.csv (one row per true class). "
            "Default: by the task."
        ),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            help="Protocol. `auxin`: tune every method on the validation set. `adamw`: the same with AdamW and "
            "gradient clipping, as in `auxin fit`. `paper`: run each method by its own paper's protocol. `maxl`, "
            "`auxilearn`, `auto_lambda`, `aux_nash`: run every method by that paper's protocol.",
        ),
    ] = "auxin",
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Network trunk: a name (`auxin ls models`), `pretrained:PATH`, or your own `module:factory`. "
            "Default: by the data.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Setting of all methods, such as lr=0.1 or labeler.entropy=0.2. Repeatable.",
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Time limit, such as 10min. The comparison is shortened to fit and the changes are listed.",
        ),
    ] = None,
    jobs: Jobs = None,
    engine: Engine = "auto",
    address: Address = None,
    device: Annotated[str, typer.Option(help="Device: cpu, cuda, or auto.")] = "auto",
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Weight the loss so that every class counts equally.")
    ] = False,
    refit: Annotated[
        bool,
        typer.Option(help="After the settings are chosen, train the final runs on the validation rows too."),
    ] = True,
    download: Annotated[
        bool, typer.Option("--download", help="Download the files of a known data set into --root.")
    ] = False,
    confirm: Annotated[
        bool,
        typer.Option(
            "--confirm",
            help="Evaluate a finished comparison on the sealed second half of the test rows. Possible once.",
        ),
    ] = False,
    as_json: JsonFlag = False,
    out: OutDir = None,
) -> None:
    """Compare methods on the same rows, seeds and tuning budget, and test whether they beat single-task training.

    Every method, single-task training included, tries the same number of settings on the validation set. A learned
    method is compared with the best control and with its own untrained version. The test rows are split in two halves:
    a comparison reports the first, and only --confirm opens the second.

    [bold]Examples[/bold]

    auxin compare

    auxin compare digits --methods single,maxl_frozen,maxl --seeds 20

    auxin compare cifar100 --root DIR --level 20:100 --labels-per-class 10 --methods single,given,maxl

    auxin compare my.npz --target y --methods all --budget 10min

    auxin compare houses.csv --target price --aux rooms,age --group street --budget 2min

    auxin compare pictures.csv --image file --target breed --aux species,mask --kind mask=dense --balanced
    """
    output = Output(as_json)
    output.say(
        f"[bold]auxin compare[/bold]  {data}: {methods}"
    )  # before torch is imported, which takes a while
    from auxin.cli._comparing import CompareArguments
    from auxin.cli._label_budgets import run

    aux, pool = _pooled(aux)
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
        download=download or None,
    )
    arguments = CompareArguments(
        data=data,
        root=root,
        options=dict(options),
        methods=",".join([methods, *pool]),
        labels_per_class=labels_per_class,
        fraction=fraction,
        validation=validation,
        auxiliary=auxiliary,
        seeds=seeds,
        tries=tries,
        tuning_seeds=tuning_seeds,
        twins=twins,
        metric=metric,
        preset=preset,
        settings=(
            *(["class_weights=balanced"] if balanced else []),
            *([f"model={model}"] if model else []),
            *(set_ or ()),
        ),
        budget=budget,
        jobs=jobs,
        engine=engine,
        address=address,
        device=device,
        refit=refit,
        out=out,
        command=command(),
    )
    with conducting(engine) as conducts:
        if conducts:
            run(arguments, output, confirm)


def _pooled(aux: str | None) -> tuple[str | None, list[str]]:
    """Return the auxiliary columns without `auto`, and the method that `auto` adds."""
    words = [word.strip() for word in (aux or "").split(",") if word.strip()]
    left = [word for word in words if word != "auto"]
    return ",".join(left) or None, ["auto"] if len(left) < len(words) else []
