"""Learned unsupervised update rules: train a rule, apply it to your data, or compare it with PCA."""

from pathlib import Path
from typing import Annotated

import typer

from auxin.cli._console import JsonFlag, OutDir, Output
from auxin.cli._engine import Address, Engine, Jobs, conducting, executor

app = typer.Typer(rich_markup_mode="rich", no_args_is_help=True, add_completion=False)

Root = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder that holds one folder per data set.")]
Hidden = Annotated[
    str, typer.Option(help="Widths of the hidden layers, comma-separated. Empty: no hidden layer.")
]
Width = Annotated[int, typer.Option(help="Width of the embedding (the top layer).")]
Seed = Annotated[int, typer.Option(help="Seed of every random choice.")]


@app.callback()
def rule() -> None:
    """Learned unsupervised update rules (Metz et al. 2019).

    A rule is a small network that updates the weights of other networks without labels and without back-propagation.
    The trained rule [bold]small[/bold] is included. Every command below has the option [bold]--json[/bold].
    """


@app.command()
def train(
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="DIR", help="Folder for the rule. A repeated run with the same folder resumes."
        ),
    ] = Path("runs/rule"),
    preset: Annotated[
        str, typer.Option(help="Size of the rule: `small` (minutes on two cores) or `paper` (needs a GPU).")
    ] = "small",
    updates: Annotated[int, typer.Option(help="Number of meta-updates.")] = 1200,
    seed: Seed = 0,
    root: Root = None,
    procedural: Annotated[
        bool, typer.Option("--procedural", help="Train on procedural tasks only, which need no data.")
    ] = False,
    data: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Your own .npz file with arrays x and y. Repeatable."),
    ] = None,
    watch: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder to watch: .npz files that are added during training are used from then on.",
        ),
    ] = None,
    estimator: Annotated[
        str, typer.Option(help="Estimator of the meta-gradient: `truncated` or `persistent_es`.")
    ] = "truncated",
    objective: Annotated[
        str, typer.Option(help="Meta-objective: `ridge` (the paper), `regression` or `clustering`.")
    ] = "ridge",
    tasks: Annotated[int, typer.Option(help="Number of networks per group.")] = 6,
    pools: Annotated[
        int, typer.Option(help="Number of groups trained concurrently, over all processes.")
    ] = 4,
    groups: Annotated[
        int, typer.Option(help="Number of groups averaged per meta-update, over all processes.")
    ] = 1,
    truncation: Annotated[str, typer.Option(help="Range (MIN:MAX) of inner steps per truncation.")] = "4:9",
    length: Annotated[str, typer.Option(help="Range (MIN:MAX) of inner steps per group.")] = "10:100",
    kinds: Annotated[
        str,
        typer.Option(
            help="Numbers of classes among the unlabelled rows, comma-separated; each group draws one. With 10,60, "
            "half of the groups have 50 classes that never have labels (a data set with fewer classes repeats them). "
            "0: the number of labelled classes."
        ),
    ] = "10,60",
    mix: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAMILY=WEIGHT", help="Sampling weight of a task family, such as strokes=0.5. Repeatable."
        ),
    ] = None,
    layers: Annotated[
        list[str] | None,
        typer.Option(
            "--hidden",
            metavar="WIDTHS",
            help="Widths of the networks' hidden layers, comma-separated, or `none`. Repeatable: each group draws one. "
            "Default: none, 64, 64, 128.",
        ),
    ] = None,
    activations: Annotated[
        str,
        typer.Option(
            "--activation", help="Activations of the hidden units, comma-separated. Each group draws one."
        ),
    ] = "relu",
    embedding: Annotated[int, typer.Option(help="Width of the networks' embedding (the top layer).")] = 16,
    rate: Annotated[
        float, typer.Option(help="Learning rate of Adam for the rule's parameters theta.")
    ] = 5e-3,
    sparsity: Annotated[
        float,
        typer.Option(
            help="Coefficient of the L1 penalty on the merge coefficients. It makes the rule easier to interpret."
        ),
    ] = 0.0,
    every_state: Annotated[
        bool,
        typer.Option(
            "--every-state",
            help="Evaluate the meta-objective at every unrolled state, as the paper does. Slower.",
        ),
    ] = False,
    recompute: Annotated[
        bool,
        typer.Option(
            "--recompute",
            help="Recompute steps in the backward pass: memory for one step, not for a truncation. Slower.",
        ),
    ] = False,
    device: Annotated[str, typer.Option(help="Device: cpu or cuda.")] = "cpu",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Option of the rule, such as top=relu. Repeatable."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Meta-train a rule and write it to DIR/rule.safetensors, with its card.

    Under torchrun, every process trains its own groups and the meta-gradients are averaged.

    [bold]Examples[/bold]

    auxin rule train --procedural --out runs/mine

    auxin rule train --root DATA --seed 1 --out runs/seed1

    torchrun --nproc-per-node 2 -m auxin rule train --procedural --groups 2 --out runs/two
    """
    from auxin.cli._rule import TrainArguments, run_train

    arguments = TrainArguments(
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
    run_train(arguments, Output(as_json))


@app.command()
def apply(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Rule file, or `small`.")],
    data: Annotated[
        str,
        typer.Argument(metavar="DATA", help="Known data set (`auxin ls data`), or a file such as my.npz."),
    ],
    root: Root = None,
    target: Annotated[
        str | None, typer.Option(help="Column of the labels, which are copied beside the features.")
    ] = None,
    hidden: Hidden = "64",
    width: Width = 16,
    activation: Annotated[
        str, typer.Option(help="Activation: relu, leaky_relu, silu, tanh, step or linear.")
    ] = "relu",
    steps: Annotated[int, typer.Option(help="Number of unsupervised steps.")] = 100,
    batch: Annotated[int, typer.Option(help="Number of rows per step.")] = 32,
    side: Annotated[
        int,
        typer.Option(
            help="Side length in pixels that images are resized to, in grey. 0: images stay as they are."
        ),
    ] = 0,
    seed: Seed = 0,
    as_json: JsonFlag = False,
    out: OutDir = None,
) -> None:
    """Train a network on DATA without labels, and save its weights and the features of every row.

    The command writes network.safetensors, features.npz (features, and y if there are labels) and apply.json.

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
        typer.Argument(
            metavar="[RULE]", help="Rule file, `small`, or a folder of training runs (one per seed)."
        ),
    ] = "small",
    data: Annotated[
        str, typer.Argument(metavar="[DATA]", help="Known data sets, comma-separated, or your own file.")
    ] = "digits",
    root: Root = None,
    target: Annotated[
        str | None, typer.Option(help="Column of the labels, in files that have several columns.")
    ] = None,
    nets: Annotated[
        int, typer.Option(help="Number of networks. Each has its own permutation of the inputs.")
    ] = 20,
    shots: Annotated[int, typer.Option(help="Number of labels per class for the ridge regression.")] = 5,
    hidden: Hidden = "64",
    width: Width = 16,
    steps: Annotated[
        str, typer.Option(help="Inner steps after which features are evaluated.")
    ] = "0,10,40,100,200,400",
    batch: Annotated[int, typer.Option(help="Number of rows per step.")] = 32,
    seed: Seed = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="Skip the autoencoder, the VAE and the supervised network.")
    ] = False,
    grid: Annotated[
        bool, typer.Option("--grid", help="Also evaluate networks of other widths, depths and activations.")
    ] = False,
    jobs: Jobs = None,
    engine: Engine = "auto",
    address: Address = None,
    as_json: JsonFlag = False,
    out: OutDir = None,
) -> None:
    """Compare a rule with raw inputs, PCA, k-means, autoencoders and others, on the same networks and labels.

    Features are scored by ridge regression on few labels per class. The rows marked "tuned" scale each method's
    features by the factor that is best on other label draws. Results, a table and figures go to DIR.

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
