"""Does an auxiliary help here? Every method on the same rows, and a verdict: the main job."""

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
            help="A file, a folder of images, a known data set (`auxin ls data`) or hub:OWNER/NAME."
        ),
    ] = "digits",
    root: _data.Root = None,
    methods: Annotated[
        str,
        typer.Option(
            help="Names from `auxin ls methods` (labelers, combiners, pretexts and strategies are methods too), "
            "comma-separated; `all`; or `usual`, what suits the data: single and, with --aux, equal, softmax and "
            "gradient_cosine (given and maxl where an auxiliary refines the target), else self-made tasks and maxl; "
            "fixmatch and fixmatch_spread where rows lack the main label; and scikit-learn's estimators. "
            "STRATEGY:METHOD trains a method by a strategy, as in refit:softmax, guard:maxl or guard:refit:softmax; "
            "a strategy alone takes its default method and says so. untrained:METHOD is a method with nothing learned."
        ),
    ] = "usual",
    target: _data.Target = None,
    aux: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMNS",
            help="Auxiliary tasks, comma-separated; NAME=A|B|C is one of several columns; `auto` adds the method auto: "
            "all of these and every self-made one, sorted out by learned weights.",
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
            help="Keep K main labels per class, the validation rows' included; other rows keep their auxiliary "
            "labels. Digits: 10 where nothing is said. Several (5,10,20) draw a curve and weigh the gain in labels.",
        ),
    ] = None,
    fraction: Annotated[
        float | None, typer.Option(metavar="F", help="Use this fraction of the training rows and no others.")
    ] = None,
    validation: Annotated[
        float, typer.Option(help="Validation rows: a fraction of the labelled training rows, or a number.")
    ] = 0.2,
    auxiliary: Annotated[
        float, typer.Option(help="Rows held out of training for the meta step: a fraction, or a number.")
    ] = 0.0,
    seeds: Annotated[
        int | None, typer.Option(metavar="N", help="Reported seeds. Default 5; 3 for the paper.")
    ] = None,
    tries: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Settings each method tries on validation. Default: 4, or 1 where the validation rows are too few "
            "to tell settings apart.",
        ),
    ] = None,
    tuning_seeds: Annotated[int, typer.Option(metavar="N", help="Seeds over which a try is averaged.")] = 2,
    twins: Annotated[
        bool, typer.Option(help="Run the untrained twin of every learned method too: what does learning add?")
    ] = True,
    metric: Annotated[
        str | None,
        typer.Option(
            help="What to select and judge by: accuracy, balanced_accuracy, auc, f1, log_loss, top3, hit, r2, mae, "
            "rmse, miou, kappa, average_precision, or cost=FILE.csv (a row per true class). Default: the task's first."
        ),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            help="`auxin`: tuned, honest. `adamw`: the same with AdamW and clipping, as `fit`. `paper`: each method "
            "by its own paper's protocol. `maxl`, `auxilearn`, `auto_lambda`, `aux_nash`: every method by that one's.",
        ),
    ] = "auxin",
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A trunk (`auxin ls models`), `pretrained:PATH`, or your own `module:factory`. Default: by the data.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting, such as lr=0.1 or labeler.entropy=0.2."),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Such as 10min: fits the comparison, says what it cut.")
    ] = None,
    jobs: Jobs = None,
    engine: Engine = "auto",
    address: Address = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Rare classes weigh as much in the loss as frequent ones.")
    ] = False,
    refit: Annotated[
        bool, typer.Option(help="Final runs train on the validation rows too, once settings are chosen.")
    ] = True,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch a known data set's files into --root.")
    ] = False,
    confirm: Annotated[
        bool,
        typer.Option(
            "--confirm", help="Open the second half of the test rows for a finished comparison, once."
        ),
    ] = False,
    as_json: JsonFlag = False,
    out: OutDir = None,
) -> None:
    """Compare ways of using auxiliary tasks on the same rows, seeds and budget, and judge.

    Every method gets the same number of tries on validation, single-task training included. A learned method is
    judged against the best control and its own untrained twin. Test rows come in two halves; the second is opened by
    --confirm alone.

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
    from auxin.cli._comparing import Asked
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
    asked = Asked(
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
            run(asked, output, confirm)


def _pooled(aux: str | None) -> tuple[str | None, list[str]]:
    """The auxiliary columns without the word auto, and the method that it stands for."""
    words = [word.strip() for word in (aux or "").split(",") if word.strip()]
    left = [word for word in words if word != "auto"]
    return ",".join(left) or None, ["auto"] if len(left) < len(words) else []
