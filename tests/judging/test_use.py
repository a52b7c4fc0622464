"""The row to use, and its command."""

from auxin.judging.answers import DATA, to_use
from auxin.records.results import Comparison, Row
from auxin.requests.data import DataSpec


def comparison(command: str, **verdicts: tuple[float, str | None]) -> Comparison:
    rows = [
        Row.model_construct(method=name, role="method", mean=mean, verdict=verdict)
        for name, (mean, verdict) in verdicts.items()
    ]
    return Comparison.model_construct(dataset="d", metric="accuracy", rows=rows, command=command)


def test_the_best_row_that_helps_and_its_command() -> None:
    line = "auxin compare 'my h.csv' --target price --methods all --aux=rooms --seeds 5 --out x"
    said = to_use(comparison(line, single=(0.5, None), equal=(0.7, "helps"), maxl=(0.6, "helps")))
    assert said.startswith("equal has the highest mean of the methods that are shown to help.\n")
    assert "  auxin fit 'my h.csv' --target price --aux=rooms --method equal --no-guard\n" in said
    assert "the settings used here are in comparison.json" in said
    said = to_use(comparison(line, single=(0.5, None), equal=(0.7, "no difference")))
    assert said.startswith("No method is shown to help: use single-task training (single).\n")
    assert to_use(comparison("", single=(0.5, None))) == ""


def test_budgets_of_a_curve_are_no_option_of_fit() -> None:
    for line, kept in (
        ("--labels-per-class 6,8", ""),
        ("--labels-per-class=6,8", ""),
        ("--labels-per-class 6", " --labels-per-class 6"),
    ):
        said = to_use(comparison(f"auxin compare h.csv {line} --target price", single=(0.5, None)))
        assert f"  auxin fit h.csv{kept} --target price --method single" in said


def test_no_command_is_named_for_a_model_of_one_domain() -> None:
    for line in ("--domain site=home", "--domain=site=home"):
        said = to_use(
            comparison(f"auxin compare h.csv --target y {line}", single=(0.5, None), equal=(0.7, "helps"))
        )
        assert "`auxin fit` has no --domain" in said
        assert "auxin fit h.csv" not in said


def test_every_option_that_names_the_data_is_carried_over() -> None:
    named = {name.replace("_", "-") for name in DataSpec.model_fields}
    options = {f"--{name}" for name in named - {"name", "domain", "download", "kinds"}}
    assert options | {"--kind"} <= set(DATA)
