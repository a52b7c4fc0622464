"""`auxin probe` and `auxin reproduce` as a user types them."""

import json
import shlex

import pytest

from auxin import catalogue, cli
from auxin.cli import reproduce
from auxin.runs.executors.processes import Processes


def auxin(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    said = capsys.readouterr()
    return caught.value.code, said.out, said.err


def test_reproduce_lists_every_recipe_with_its_place(capsys):
    code, out, _ = auxin(capsys, "reproduce", "--json")
    listed = json.loads(out)
    assert code == 0
    assert [entry["name"] for entry in listed] == catalogue.names("recipes")
    places = {entry["name"]: entry["paper"] for entry in listed}
    assert places["auxilearn_figure_2"].endswith("section 5.1, figure 2")
    assert all(places.values())


def test_the_listing_counts_pieces_of_a_killed_run_too(tmp_path):
    assert reproduce.state_of(tmp_path) == "not run"
    (tmp_path / "pieces").mkdir()
    (tmp_path / "pieces/a.json").write_text("{}")
    assert reproduce.state_of(tmp_path) == "interrupted, 1 piece"
    for done, words in ((3, "3 of 4 pieces"), (4, "finished, 4 pieces")):
        (tmp_path / "result.json").write_text(json.dumps({"pieces": done, "total": 4}))
        assert reproduce.state_of(tmp_path) == words


def test_an_unknown_recipe_offers_the_nearest(capsys):
    code, _, err = auxin(capsys, "reproduce", "auxilearn_figure2")
    assert code == 2
    assert "Did you mean 'auxilearn_figure_2'" in " ".join(err.split())


@pytest.mark.parametrize("option", ["--plan", "--smoke", "--seeds=3", "--piece=0"])
def test_options_without_a_recipe_are_not_passed_over(capsys, option):
    code, out, err = auxin(capsys, "reproduce", option)
    assert (code, out) == (2, "")
    assert "The options need a recipe" in err


def test_a_recipe_without_its_data_says_what_is_missing(capsys, tmp_path):
    code, _, err = auxin(capsys, "reproduce", "auxilearn_c6", "--out", str(tmp_path / "out"))
    assert code == 2
    assert "cifar100 was not found" in " ".join(err.split())


def test_reproduce_writes_table_and_pictures(capsys, tmp_path, monkeypatch):
    monkeypatch.delattr(Processes, "map")  # the tiny run starts no workers: they take longer than its pieces
    code, out, _ = auxin(
        capsys,
        "reproduce",
        "auxilearn_figure_6",
        "--smoke",
        "--json",
        "--out",
        str(tmp_path / "out"),
    )
    assert code == 0
    result = json.loads(out)
    assert result["smoke"] is True
    assert "auxin reproduce" in result["command"] or result["command"]
    text = (tmp_path / "out/table.md").read_text()
    assert text.startswith("# 100 auxiliaries of growing noise")
    assert "mean nothing" in text
    assert f"torch {result['versions']['torch']}; " in text, "a number without its code cannot be traced"
    assert (tmp_path / "out/figures/weights.png").stat().st_size > 5000


def test_listing_imports_no_torch(monkeypatch):
    assert "torch" not in vars(reproduce)


def test_probe_ranks_and_draws(capsys, tmp_path):
    words = "probe digits --pretexts rotation --seeds 1 --rows 64 --jobs 1 --set steps=6 --set model.channel_width=4"
    code, out, err = auxin(capsys, *words.split(), "--json", "--out", str(tmp_path / "out"))
    assert code == 0, err
    result = json.loads(out)
    assert [row["name"] for row in result["ranking"]] == ["rotation", "random labels"]
    assert "10 labels per class by default" in err
    assert "lambda" in err
    assert "negative helps" in err
    assert "convergence" in err  # six steps are too few
    assert (tmp_path / "out/figures/ranking.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("option", "said"), [("--over trunk", "'shared' or 'network'"), ("--batches 1", "greater than")]
)
def test_probe_refuses_what_makes_no_sense(capsys, tmp_path, option, said):
    code, _, err = auxin(capsys, "probe", "digits", *option.split(), "--out", str(tmp_path / "out"))
    assert code == 2
    assert said in " ".join(err.split())


def test_a_plan_is_a_slurm_array_whose_tasks_compute_a_piece_each(tmp_path, capsys):
    def auxin(*words):
        with pytest.raises(SystemExit) as caught:
            cli.main(
                ["reproduce", "auxilearn_figure_6", "--smoke", "--out", str(tmp_path / "an out"), *words]
            )
        return caught.value.code or 0, capsys.readouterr()

    code, said = auxin("--plan")
    assert code == 0
    line = next(line for line in said.out.splitlines() if "sbatch" in line)
    *_, array, _, wrapped = shlex.split(line)
    assert array == "--array=0-1"
    task = shlex.split(wrapped.removeprefix("--wrap="))
    assert task[-3:] == [str(tmp_path / "an out"), "--piece", "$SLURM_ARRAY_TASK_ID"]
    assert auxin("--piece", "1")[0] == 0
    assert "sbatch --array=0 " in auxin("--plan")[1].out
    code, said = auxin("--piece", "2")
    assert code == 2
    assert "from 0 to 1" in said.err


def test_every_study_takes_all_options_of_the_data() -> None:
    from auxin.cli._from_request import fields
    from auxin.requests.compare import CompareRequest
    from auxin.requests.data import DataSpec
    from auxin.requests.fit import FitRequest
    from auxin.requests.probe import ProbeRequest

    for request, lacks in ((CompareRequest, set()), (FitRequest, {"domain"}), (ProbeRequest, {"domain"})):
        names = {field.path[-1] for field in fields(request) if field.path[0] == "data"}
        assert names == set(DataSpec.model_fields) - lacks
    given = DataSpec(name="x.csv", group="who", keep=None, download=False)
    assert given.options == (("group", "who"),)
