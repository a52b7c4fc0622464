"""Every example runs, tiny; those that need a library which is not installed say so."""

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "examples"
NEEDS = {"lightning_module": ["lightning"], "hf_trainer": ["transformers", "accelerate"]}
SAYS = {
    "own_loop": "weights",
    "maxl_labels": "test accuracy",
    "lightning_module": "weights",
    "hf_trainer": "weights",
    "learned_rule": "learned rule",
    "digits_in_a_minute": "This model is",
    "table_with_missing_labels": "of the rows have labels: accuracy",
    "unlabelled_images": "fixmatch",
}
SLOW = {"digits_in_a_minute", "table_with_missing_labels", "unlabelled_images"}
TINY = {"AUXIN_EXAMPLE_STEPS": "6", "AUXIN_EXAMPLE_EPOCHS": "1", "AUXIN_EXAMPLE_BUDGET": "5s"}
EXAMPLES = sorted(file.stem for file in FOLDER.glob("*.py"))
CASES = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in EXAMPLES]


def test_the_sweep_sees_them():
    assert set(EXAMPLES) == set(SAYS)


@pytest.mark.filterwarnings("default")  # Lightning warns of itself
@pytest.mark.parametrize("name", CASES)
def test_an_example_is_short_and_runs(name, monkeypatch, capsys):
    file = FOLDER / f"{name}.py"
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 70
    for library in NEEDS.get(name, []):
        pytest.importorskip(library, reason=f"the example needs {library}, which is not installed")
    for variable, value in TINY.items():
        monkeypatch.setenv(variable, value)
    runpy.run_path(str(file), run_name="__main__")
    assert SAYS[name] in capsys.readouterr().out


def test_at_most_five_lines_of_the_plain_loop_are_changed():
    lines = (FOLDER / "own_loop.py").read_text(encoding="utf-8").splitlines()
    marked = [line for line in lines if line.endswith("  # auxin")]
    ours = [
        line
        for line in lines
        if any(word in line for word in ("import auxin", "auxin.Aux", " aux(", "aux.after"))
    ]
    assert marked == ours
    assert 1 <= len(marked) <= 5
