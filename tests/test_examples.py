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
@pytest.mark.filterwarnings("error::RuntimeWarning")  # auxin's
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


@pytest.mark.filterwarnings("default")
def test_accumulation_under_trainer_takes_the_step_of_one_batch(tmp_path):
    """With an entry "labels" in the batch, Trainer leaves the division to a forward with `**kwargs`; ours has none."""
    for library in NEEDS["hf_trainer"]:
        pytest.importorskip(library, reason=f"the example needs {library}, which is not installed")
    import torch
    from transformers import TrainingArguments

    import auxin
    from auxin.tasks.classes import Classes

    space = runpy.run_path(str(FOLDER / "hf_trainer.py"))
    tasks = {"labels": Classes("labels", 3), "tone": Classes("tone", 2)}
    space["TASKS"].clear()
    space["TASKS"].update(tasks)

    def moved(rows_at_once, times):
        torch.manual_seed(0)
        model = space["Reader"]()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        model.bert.config.attention_probs_dropout_prob = 0.0
        ids = torch.randint(50, (8, 12))
        rows = [{"input_ids": row, "labels": row[0] % 3, "tone": row[0] % 2} for row in ids]
        before = model.heads["labels"].weight.detach().clone()
        arguments = TrainingArguments(
            str(tmp_path), max_steps=1, per_device_train_batch_size=rows_at_once, gradient_accumulation_steps=times,
            optim="sgd", learning_rate=0.1, lr_scheduler_type="constant", max_grad_norm=0.0,
            remove_unused_columns=False, report_to=[], save_strategy="no", use_cpu=True, disable_tqdm=True,
        )  # fmt: skip
        trainer = space["AuxiliaryTrainer"](model, arguments, train_dataset=rows)
        trainer.aux = auxin.Auxiliary(
            model, main="labels", tasks=tasks, combiner="equal", inputs=("input_ids",)
        )
        trainer.train()
        return model.heads["labels"].weight.detach() - before

    torch.testing.assert_close(moved(2, 4), moved(8, 1), rtol=1e-3, atol=1e-7)
