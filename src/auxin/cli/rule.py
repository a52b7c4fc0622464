"""Learned unsupervised update rules: train a rule, apply it to your data, or compare it with PCA."""

import typer

from auxin.cli._command import VerbGroup
from auxin.cli._console import Output
from auxin.cli._from_request import from_request
from auxin.requests.rule import RuleApplyRequest, RuleEvaluateRequest, RuleTrainRequest

app = typer.Typer(cls=VerbGroup, rich_markup_mode="rich", no_args_is_help=True, add_completion=False)


@app.callback()
def rule() -> None:
    """Learned unsupervised update rules (Metz et al. 2019).

    A rule is a small network that updates the weights of other networks without labels and without back-propagation.
    The trained rule [bold]small[/bold] is included. Every command below has the option [bold]--json[/bold].
    """


@app.command()
@from_request
def train(request: RuleTrainRequest, output: Output) -> None:
    """Meta-train a rule and write it to DIR/rule.safetensors, with its card.

    Under torchrun, every process trains its own groups and the meta-gradients are averaged.

    [bold]Examples[/bold]

        auxin rule train --procedural --out runs/mine
        auxin rule train --root DATA --seed 1 --out runs/seed1
        torchrun --nproc-per-node 2 -m auxin rule train --procedural --groups 2
    """
    from auxin.cli._rule import run_train

    run_train(request, output)


@app.command()
@from_request
def apply(request: RuleApplyRequest, output: Output) -> None:
    """Train a network on DATA without labels, and save its weights and the features of every row.

    The command writes network.safetensors, features.npz (features, and y if there are labels) and apply.json.

    [bold]Examples[/bold]

        auxin rule apply small digits --hidden 128,64 --width 32 --out runs/digits
        auxin rule apply runs/mine/rule.safetensors my.npz --target y
    """
    from auxin.cli._rule import run_apply

    run_apply(request, output)


@app.command()
@from_request
def evaluate(request: RuleEvaluateRequest, output: Output) -> None:
    """Compare a rule with raw inputs, PCA, k-means, autoencoders and others, on the same networks and labels.

    Features are scored by ridge regression on few labels per class. The rows marked "tuned" scale each method's
    features by the factor that is best on other label draws. Results, a table and figures go to DIR.

    [bold]Examples[/bold]

        auxin rule evaluate
        auxin rule evaluate small my.npz --target y --quick
        auxin rule evaluate runs/seeds digits,mnist --root DATA --out runs/seen
    """
    from auxin.cli._rule import run_evaluate

    run_evaluate(request, output)
