"""Learned unsupervised update rules: meta-train one, apply one to your data, hold one against PCA."""

from pathlib import Path
from typing import Annotated

import typer

from auxin.cli._console import JsonFlag, OutDir, Output
from auxin.cli._engine import Address, Engine, Jobs, conducting, executor

app = typer.Typer(rich_markup_mode="rich", no_args_is_help=True, add_completion=False)

Root = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The folder that holds the data sets' folders.")
]
Hidden = Annotated[str, typer.Option(help="Hidden widths, comma-separated; empty for none.")]
Width = Annotated[int, typer.Option(help="Width of the embedding.")]
Seed = Annotated[int, typer.Option(help="Everything is drawn from it.")]


@app.callback()
def rule() -> None:
    """Learned unsupervised update rules (Metz et al. 2019).

    A rule is a small network that moves the weights of other networks, without labels and without
    back-propagation. One comes with auxin: [bold]small[/bold]. Every verb here has [bold]--json[/bold].
    """


@app.command()
def train(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the rule. The same folder again resumes.")
    ] = Path("runs/rule"),
    preset: Annotated[str, typer.Option(help="`small` (minutes on two cores) or `paper` (a GPU).")] = "small",
    updates: Annotated[int, typer.Option(help="Meta-updates.")] = 1200,
    seed: Seed = 0,
    root: Root = None,
    procedural: Annotated[
        bool, typer.Option("--procedural", help="Procedural tasks alone; no data needed.")
    ] = False,
    data: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Your own .npz with x and y; repeatable.")
    ] = None,
    watch: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Take up .npz files that arrive here while training goes on."),
    ] = None,
    estimator: Annotated[str, typer.Option(help="`truncated` or `persistent_es`.")] = "truncated",
    objective: Annotated[
        str, typer.Option(help="`ridge` (the paper), `regression` or `clustering`.")
    ] = "ridge",
    tasks: Annotated[int, typer.Option(help="Networks per group.")] = 6,
    pools: Annotated[int, typer.Option(help="Groups alive at the same time, over all processes.")] = 4,
    groups: Annotated[int, typer.Option(help="Groups averaged per update, over all processes.")] = 1,
    truncation: Annotated[str, typer.Option(help="Fewest:most inner steps per truncation.")] = "4:9",
    length: Annotated[str, typer.Option(help="Fewest:most inner steps of a group's life.")] = "10:100",
    kinds: Annotated[
        str,
        typer.Option(
            help="Kinds of rows among the unlabelled, comma-separated (one is drawn per group): 10,60 gives half "
            "of the groups 50 kinds that never have labels (an array of fewer classes repeats them). 0: as many as "
            "classes."
        ),
    ] = "10,60",
    mix: Annotated[
        list[str] | None,
        typer.Option(metavar="FAMILY=WEIGHT", help="Another weight of a task family; repeatable."),
    ] = None,
    layers: Annotated[
        list[str] | None,
        typer.Option(
            "--hidden",
            metavar="WIDTHS",
            help="Hidden widths of the networks, comma-separated, or `none`; repeatable: each group draws one of "
            "them. Unless said: none, 64, 64, 128.",
        ),
    ] = None,
    activations: Annotated[
        str,
        typer.Option(
            "--activation", help="Activations of hidden units, comma-separated; each group draws one."
        ),
    ] = "relu",
    embedding: Annotated[int, typer.Option(help="Width of the networks' top layer.")] = 16,
    rate: Annotated[float, typer.Option(help="Adam's learning rate for theta.")] = 5e-3,
    sparsity: Annotated[
        float, typer.Option(help="L1 on the merge coefficients: a rule that can be read.")
    ] = 0.0,
    every_state: Annotated[
        bool, typer.Option("--every-state", help="Judge every unrolled state (the paper); dearer.")
    ] = False,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Hold one step in memory instead of a truncation; slower.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="An option of the rule, such as top=relu; repeatable."
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Meta-train a rule. It is written to DIR/rule.safetensors with its card.

    Under torchrun every process takes its own groups and the meta-gradients are averaged.

    [bold]Examples[/bold]

    auxin rule train --procedural --out runs/mine

    auxin rule train --root DATA --seed 1 --out runs/seed1

    torchrun --nproc-per-node 2 -m auxin rule train --procedural --groups 2 --out runs/two
    """
    from auxin.cli._rule import TrainAsked, run_train

    asked = TrainAsked(
        out=out,
        preset=preset,
        updates=updates,
        seed=seed,
        root=root,
        procedural=procedural,
        data=tuple(data or ()),
        watch=watch,
        estimator=estimator,
        objective=objective,
        tasks=tasks,
        pools=pools,
        groups=groups,
        truncation=truncation,
        length=length,
        kinds=kinds,
        mix=tuple(mix or ()),
        hidden=tuple(layers or ()),
        activations=activations,
        embedding=embedding,
        rate=rate,
        sparsity=sparsity,
        every_state=every_state,
        recompute=recompute,
        device=device,
        options=tuple(set_ or ()),
    )
    run_train(asked, Output(as_json))


@app.command()
def apply(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="A rule file, or `small`.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A known data set, or a file such as my.npz.")],
    root: Root = None,
    target: Annotated[str | None, typer.Option(help="The labels' column (kept beside the features).")] = None,
    hidden: Hidden = "64",
    width: Width = 16,
    activation: Annotated[str, typer.Option(help="relu, leaky_relu, silu, tanh, step or linear.")] = "relu",
    steps: Annotated[int, typer.Option(help="Unsupervised steps.")] = 100,
    batch: Annotated[int, typer.Option(help="Rows per step.")] = 32,
    side: Annotated[int, typer.Option(help="Images become grey and side x side; 0 leaves them.")] = 0,
    seed: Seed = 0,
    as_json: JsonFlag = False,
    out: OutDir = None,
) -> None:
    """Train a network on DATA without labels, and save its weights and everybody's features.

    Writes network.safetensors, features.npz (features, and y where there are labels) and apply.json.

    [bold]Examples[/bold]

    auxin rule apply small digits --hidden 128,64 --width 32 --out runs/digits

    auxin rule apply runs/mine/rule.safetensors my.npz --target y
    """
    from auxin.cli._rule import run_apply

    run_apply(
        Output(as_json),
        rule,
        data,
        root,
        target,
        side,
        out or Path("runs/rule-apply"),
        {
            "hidden": hidden,
            "width": width,
            "activation": activation,
            "steps": steps,
            "batch": batch,
            "seed": seed,
        },
    )


@app.command()
def evaluate(
    rule: Annotated[
        str,
        typer.Argument(metavar="[RULE]", help="A rule file, `small`, or a folder of runs (one per seed)."),
    ] = "small",
    data: Annotated[
        str, typer.Argument(metavar="[DATA]", help="Known data sets, comma-separated, or a file of yours.")
    ] = "digits",
    root: Root = None,
    target: Annotated[str | None, typer.Option(help="The labels' column, in files that need it.")] = None,
    nets: Annotated[int, typer.Option(help="Networks, each with its own order of the inputs.")] = 20,
    shots: Annotated[int, typer.Option(help="Labels per class for the read-out.")] = 5,
    hidden: Hidden = "64",
    width: Width = 16,
    steps: Annotated[str, typer.Option(help="Inner steps to judge at.")] = "0,10,40,100,200,400",
    batch: Annotated[int, typer.Option(help="Rows per step.")] = 32,
    seed: Seed = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="Without the autoencoder, the VAE and the supervised network.")
    ] = False,
    grid: Annotated[
        bool, typer.Option("--grid", help="Also networks of other widths, depths and activations.")
    ] = False,
    jobs: Jobs = None,
    engine: Engine = "auto",
    address: Address = None,
    as_json: JsonFlag = False,
    out: OutDir = None,
) -> None:
    """Hold a rule against raw inputs, PCA, k-means, autoencoders and others, on the same networks and labels.

    Few labels per class, ridge regression on the features. "tuned" scales every method's features by what was best
    on other label draws. Results, a table and pictures go to DIR.

    [bold]Examples[/bold]

    auxin rule evaluate

    auxin rule evaluate small my.npz --target y --quick

    auxin rule evaluate runs/seeds digits,mnist,fashion_mnist --root DATA --out runs/evaluation
    """
    with conducting(engine) as conducts:
        if not conducts:
            return
        from auxin.cli._rule import run_evaluate

        words = {
            "nets": nets,
            "shots": shots,
            "hidden": hidden,
            "width": width,
            "steps": steps,
            "batch": batch,
            "seed": seed,
            "slow": not quick,
        }
        where = out or Path("runs/rule-evaluate")
        run_evaluate(
            Output(as_json), rule, data, root, target, where, words, grid, executor(engine, jobs, address)
        )
