"""The documentation does what it says: its Python runs, its commands are understood, its links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

from auxin.cli import command as load_verb
from auxin.errors import ConfigError
from auxin.recipes._sheet import read_sheet

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def test_the_readmes_python_runs(capsys: pytest.CaptureFixture) -> None:
    found = blocks(ROOT / "README.md", "python")
    assert found
    names: dict = {"__name__": "readme"}
    for text in found:
        assert len(text.strip().splitlines()) <= 15
        exec(compile(text, "README.md", "exec"), names)
    capsys.readouterr()


SETUP = re.compile(r"^<!-- setup\n(.*?)^-->", flags=re.M | re.S)
WITH_PYTHON = [page for page in PAGES[1:] if blocks(page, "python")]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.stem)
def test_a_pages_python_runs(page: Path, capsys: pytest.CaptureFixture) -> None:
    """All Python of a page runs in order, after the hidden `<!-- setup` of the page."""
    names: dict = {"__name__": "page"}
    for text in [*SETUP.findall(page.read_text(encoding="utf-8")), *blocks(page, "python")]:
        exec(compile(text, page.name, "exec"), names)
    capsys.readouterr()


def test_the_two_commands_do_all() -> None:
    lines = [line for text in blocks(ROOT / "README.md", "sh") for line in text.splitlines()]
    whole = [line for line in lines if line.startswith("python3 -m venv .venv && ")]
    assert len(whole) == 2
    assert whole[0].endswith(".venv/bin/auxin compare")
    assert "-m pytest" in whole[1]
    assert all("-c constraints.txt" in line for line in whole)


def commands(page: Path) -> list[list[str]]:
    """The page's auxin commands as words; a leading environment variable or virtual environment is dropped."""
    found = []
    for text in blocks(page, "sh"):
        for line in re.sub(r"\\\n", " ", text).splitlines():
            words = shlex.split(line.split("#", 1)[0])
            while words and "=" in words[0]:
                words = words[1:]
            if len(words) > 1 and words[0] == "auxin" and not words[1].startswith("-"):
                found.append(words[1:])
    return found


def parse(words: list[str]) -> None:
    """Parse a whole command with the command line's own parser: verb, options, types and values."""
    verb, rest = load_verb(words[0]), words[1:]
    if hasattr(verb, "resolve_command"):
        _, verb, rest = verb.resolve_command(verb.make_context(words[0], rest), rest)
    verb.make_context(words[0], list(rest))


def test_every_command_in_the_documentation_is_understood() -> None:
    found = [(page.name, words) for page in PAGES for words in commands(page)]
    assert len(found) >= 8
    for page, words in found:
        try:
            parse(words)
        except typer.BadParameter as error:
            pytest.fail(f"{page}: auxin {shlex.join(words)}: {error.format_message()}")


def test_every_command_stands_in_a_block_that_is_checked() -> None:
    for page in PAGES:
        outside = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        assert re.findall(r"^ {4}(?:auxin|python) .*", outside, flags=re.M) == [], page.name


def test_every_program_in_the_documentation_exists_and_has_the_options() -> None:
    seen = 0
    for page in PAGES:
        for text in blocks(page, "sh"):
            for line in re.sub(r"\\\n", " ", text).splitlines():
                found = re.search(r"\bpython3? ((?:benchmarks|examples)/\S+\.py)(.*)", line.split("#", 1)[0])
                if found:
                    source = (ROOT / found[1]).read_text(encoding="utf-8")
                    for option in re.findall(r"(?<!\S)--[a-z-]+", found[2]):
                        assert option in source, f"{page.name}: {line}"
                    seen += 1
    assert seen >= 8


def test_the_sheet_of_the_recipes_page_can_be_read(tmp_path: Path) -> None:
    [sheet] = blocks(ROOT / "docs" / "recipes.md", "toml")
    (tmp_path / "sheet.toml").write_text(sheet, encoding="utf-8")
    recipe = read_sheet(tmp_path / "sheet.toml")
    assert recipe.title == "Learned auxiliary labels on CIFAR-10"
    (tmp_path / "wrong.toml").write_text(sheet.replace("metrics", "metrix"), encoding="utf-8")
    with pytest.raises(ConfigError, match="metrix"):
        read_sheet(tmp_path / "wrong.toml")


def test_a_wrong_option_is_seen() -> None:
    with pytest.raises(typer.BadParameter):
        parse(["compare", "digits", "--seeds", "three"])


def test_links_lead_somewhere() -> None:
    seen = 0
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
            seen += 1
    assert seen >= 8


def test_the_extending_pages_labeler_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from auxin import catalogue
    from auxin.labelers.base import LabelerContext
    from auxin.math.hierarchy import Hierarchy
    from auxin.typing import Batch

    (tmp_path / "labelers").mkdir()
    (tmp_path / "labelers" / "sign.py").write_text(blocks(ROOT / "docs" / "extending.md", "python")[0])
    monkeypatch.setenv("AUXIN_PLUGINS", str(tmp_path))
    x, y, rows = torch.tensor([[1.0], [-1.0], [1.0]]), torch.tensor([0, 1, -1]), torch.arange(3)
    context = LabelerContext("y", Hierarchy((2, 2)), x, {"y": y}, rows, lambda: torch.nn.Identity(), 0)
    labeler = catalogue.load("labelers", "sign").build(context)
    found = labeler(Batch(x, {"y": y}, rows))
    assert found[:2].tolist() == [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    assert found[2].isnan().all()


def test_start_has_the_readmes_commands_on_a_table() -> None:
    assert {tuple(c) for c in commands(ROOT / "docs" / "start.md")} <= {
        tuple(c) for c in [*commands(ROOT / "README.md"), ["compare"]]
    }


@pytest.mark.slow
@pytest.mark.parametrize(("page", "number"), [("README.md", 2), ("docs/fit.md", 0)], ids=["readme", "fit"])
def test_the_commands_on_a_table_of_ones_own_run(page: str, number: int, tmp_path: Path) -> None:
    """The commands of a page, word for word, on small tables with its names and columns."""
    draw = np.random.default_rng(0)
    size, age = draw.integers(1, 9, 80), draw.normal(size=80).round(2)
    wanted = pd.DataFrame({"size": size, "age": age, "y": size + age, "a": size > 4, "b": age.round(1)})
    wanted.to_csv(tmp_path / "my.csv", index=False)
    wanted[["size", "age"]].to_csv(tmp_path / "new.csv", index=False)
    houses = pd.DataFrame({"id": range(80), "garden": size, "price": size + age, "rooms": size, "age": age})
    houses.to_csv(tmp_path / "houses.csv", index=False)
    houses[["id", "garden"]].to_csv(tmp_path / "new-houses.csv", index=False)
    found = [line for line in blocks(ROOT / page, "sh")[number].splitlines() if line.startswith("auxin ")]
    assert len(found) == 3
    tiny = {**os.environ, "OMP_NUM_THREADS": "1"}
    for line in found:
        words = shlex.split(line, comments=True)[1:]
        ran = subprocess.run(
            [sys.executable, "-m", "auxin", *words], cwd=tmp_path, env=tiny, capture_output=True
        )
        assert ran.returncode == 0, (line, ran.stderr.decode()[-2000:])
    assert {"predictions.csv", "prices.csv"} & {file.name for file in tmp_path.iterdir()}
