"""Estimate which auxiliary tasks would help, before training on them (AuxiLearn, Proposition 1)."""

from pathlib import Path
from typing import Annotated

import typer

from auxin.cli import _data
from auxin.cli._console import JsonFlag, OutDir, Output
from auxin.cli._engine import Address, Engine, Jobs, conducting, executor
from auxin.cli._typed import command as typed


def probe(
    data: Annotated[
        str, typer.Argument(help="A file, a known data set (`auxin ls data`), or hub:OWNER/NAME.")
    ] = "digits",
    root: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder with the files of a known data set.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="The main task's column. Needed where the data have several targets."
        ),
    ] = None,
    aux: Annotated[
        str | None,
        typer.Option(metavar="COLUMNS", help="Columns of candidate auxiliary tasks, comma-separated."),
    ] = None,
    kinds: _data.Kinds = None,
    missing: _data.Missing = None,
    image: _data.Image = None,
    size: _data.Size = None,
    inputs: _data.Inputs = None,
    split_column: _data.Split = None,
    group: _data.Group = None,
    ignore: _data.Ignore = None,
    keep: _data.Keep = None,
    text: _data.Text = None,
    unlabelled: _data.Unlabelled = None,
    encoding: _data.Encoding = None,
    pretexts: Annotated[
        str,
        typer.Option(
            help="Self-supervised candidates (`auxin ls pretexts`), comma-separated. `all`: all that fit the inputs. "
            "`none`: none."
        ),
    ] = "all",
    level: Annotated[
        str | None,
        typer.Option(
            metavar="P:A", help="CIFAR-100 only: P primary and A auxiliary classes, out of {3, 10, 20, 100}."
        ),
    ] = None,
    labels_per_class: Annotated[
        int | None,
        typer.Option(
            "--labels-per-class",
            metavar="K",
            help="Keep K main labels per class, including those of the held-out rows. Default for the digits data set: "
            "10.",
        ),
    ] = None,
    fraction: Annotated[
        float | None,
        typer.Option(metavar="F", help="Fraction of the training rows to use. The other rows are dropped."),
    ] = None,
    validation: Annotated[
        float,
        typer.Option(
            help="Size of the held-out set (the loss L_A): a fraction of the labelled training rows, or a number of "
            "rows. More rows give narrower intervals."
        ),
    ] = 0.5,
    seeds: Annotated[int, typer.Option(metavar="N", help="Number of networks trained on the main task.")] = 3,
    damping: Annotated[
        float, typer.Option(help="Damping lambda, as a fraction of the largest eigenvalue of the curvature.")
    ] = 0.01,
    over: Annotated[
        str,
        typer.Option(
            help="Weights of the curvature. `shared`: the trunk. `network`: the trunk and the main head."
        ),
    ] = "shared",
    curvature: Annotated[
        str, typer.Option(help="Curvature matrix: `gauss_newton` or `hessian`.")
    ] = "gauss_newton",
    solver_steps: Annotated[
        int, typer.Option("--solver-steps", help="Maximum number of conjugate-gradient steps.")
    ] = 30,
    rows: Annotated[int, typer.Option(metavar="N", help="Maximum number of rows per candidate.")] = 1024,
    batches: Annotated[
        int, typer.Option(metavar="N", help="Number of batches for the confidence intervals.")
    ] = 8,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Setting of the training, such as steps=300. Repeatable."
        ),
    ] = None,
    jobs: Jobs = None,
    engine: Engine = "auto",
    address: Address = None,
    device: Annotated[str, typer.Option(help="Device: cpu, cuda, or auto.")] = "auto",
    as_json: JsonFlag = False,
    out: OutDir = None,
) -> None:
    """Estimate which candidate auxiliary tasks would help, before training on them.

    A network is trained on the main task, and each candidate's head is fitted on the frozen trunk. Proposition 1 of
    AuxiLearn then gives the derivative of the held-out main loss by the candidate's weight, at weight zero: a negative
    score means that the candidate helps. Random labels are scored too, as a reference. docs/auxilearn.md explains the
    limits of the score.

    [bold]Examples[/bold]

    auxin probe digits

    auxin probe cifar100 --root DIR --level 20:100 --labels-per-class 10

    auxin probe table.csv --target price --aux rent,area --seeds 5
    """
    output = Output(as_json)
    output.say(f"[bold]auxin probe[/bold]  {data}")  # before torch is imported, which takes a while
    from auxin.cli._probing import ProbeArguments, run

    options = dict(
        _data.given(
            target=target,
            aux=aux,
            kinds=kinds,
            missing=missing,
            image=image,
            size=size,
            inputs=inputs,
            split=split_column,
            group=group,
            ignore=ignore,
            keep=keep,
            text=text,
            unlabelled=unlabelled,
            encoding=encoding,
            level=level,
        )
    )
    how = {
        "damping": damping,
        "over": over,
        "curvature": curvature,
        "steps": solver_steps,
        "rows": rows,
        "batches": batches,
    }
    split = (labels_per_class, fraction, validation)
    command = typed()
    arguments = ProbeArguments(
        data, root, options, pretexts, split, seeds, how, tuple(set_ or ()), device, out, command
    )
    with conducting(engine) as conducts:
        if conducts:
            run(arguments, output, executor(engine, jobs, address))
