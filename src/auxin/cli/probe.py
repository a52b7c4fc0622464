"""Which candidate auxiliaries would help, before training on them: AuxiLearn's Proposition 1."""

from pathlib import Path
from typing import Annotated

import typer

from auxin.cli import _data
from auxin.cli._console import JsonFlag, OutDir, Output
from auxin.cli._engine import Address, Engine, Jobs, conducting, executor
from auxin.cli._typed import command as typed


def probe(
    data: Annotated[
        str, typer.Argument(help="A file, a known data set (see `auxin ls data`) or hub:OWNER/NAME.")
    ] = "digits",
    root: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder that holds a known data set's files.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The main task, where the data hold several.")] = None,
    aux: Annotated[str | None, typer.Option(help="Candidates with labels, comma-separated.")] = None,
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
        str, typer.Option(help="Self-made candidates, comma-separated; `all` that fit the inputs; `none`.")
    ] = "all",
    level: Annotated[
        str | None,
        typer.Option(
            metavar="P:A", help="CIFAR-100: P primary and A auxiliary classes out of {3, 10, 20, 100}."
        ),
    ] = None,
    labels_per_class: Annotated[
        int | None,
        typer.Option(
            "--labels-per-class",
            metavar="K",
            help="Keep K main labels per class, the held-out rows' included. Digits: 10 where nothing is said.",
        ),
    ] = None,
    fraction: Annotated[
        float | None, typer.Option(metavar="F", help="Use this fraction of the training rows and no others.")
    ] = None,
    validation: Annotated[
        float,
        typer.Option(
            help="Rows held out for L_A: a fraction of the labelled training rows, or a number. The more, the surer."
        ),
    ] = 0.5,
    seeds: Annotated[int, typer.Option(metavar="N", help="Networks trained on the main task alone.")] = 3,
    damping: Annotated[
        float, typer.Option(help="lambda, as a share of the curvature's largest eigenvalue.")
    ] = 0.01,
    over: Annotated[
        str, typer.Option(help="`shared`: the curvature over the trunk; `network`: the main head too.")
    ] = "shared",
    curvature: Annotated[str, typer.Option(help="`gauss_newton` or `hessian`.")] = "gauss_newton",
    solver_steps: Annotated[
        int, typer.Option("--solver-steps", help="Conjugate gradient steps at most.")
    ] = 30,
    rows: Annotated[int, typer.Option(metavar="N", help="Rows per candidate at most.")] = 1024,
    batches: Annotated[int, typer.Option(metavar="N", help="Batches that the intervals are over.")] = 8,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the training, such as steps=300."),
    ] = None,
    jobs: Jobs = None,
    engine: Engine = "auto",
    address: Address = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    as_json: JsonFlag = False,
    out: OutDir = None,
) -> None:
    """Say which candidate auxiliaries would help, before training on them.

    The main task is trained alone, each candidate's head is fitted on the frozen trunk, and Proposition 1 of AuxiLearn
    gives what a little weight on the candidate would add to the held-out main loss: negative helps. Labels drawn at
    random stand beside the candidates as a reference. A score is a derivative at weight zero; docs/auxilearn.md tells
    what it cannot know.

    [bold]Examples[/bold]

    auxin probe digits

    auxin probe cifar100 --root DIR --level 20:100 --labels-per-class 10

    auxin probe table.csv --target price --aux rent,area --seeds 5
    """
    output = Output(as_json)
    output.say(f"[bold]auxin probe[/bold]  {data}")  # before torch is imported, which takes a while
    from auxin.cli._probing import Asked, run

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
    asked = Asked(data, root, options, pretexts, split, seeds, how, tuple(set_ or ()), device, out, command)
    with conducting(engine) as conducts:
        if conducts:
            run(asked, output, executor(engine, jobs, address))
