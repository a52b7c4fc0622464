"""A saved blend without PyTorch: it predicts what the whole program predicts, and leaves alone what it cannot do."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from auxin import catalogue, rivals
from auxin.cli import main
from auxin.data.encoders.numbers import Numbers
from auxin.data.encoders.table import TableEncoder
from auxin.errors import DataError
from auxin.exported.card import TrainingRecord, TrunkState
from auxin.exported.committee import Committee
from auxin.exported.files import write_predictions
from auxin.exported.model import Model, load_model
from auxin.exported.plain import write_plain
from auxin.fitting.blend import Blend
from auxin.fitting.candidates import Constant, Member, RivalMember
from auxin.fitting.network import NetworkCandidate
from auxin.fitting.process import TOGETHER, ProcessCandidate
from auxin.fitting.rows import Rows
from auxin.fitting.search import TemperedMember
from auxin.fitting.stacked import AuxiliaryPredictions, StackedMember
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression

RECORD = TrainingRecord(
    data="d", method="blend", seed=0, split_hash="0", rows={"train": 9}, settings={}, metric="accuracy", seconds=1.0,
    started="now",
)  # fmt: skip
NAMES = ("a", "b", "c")


def rows(kind: str) -> Rows:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(80, 3)).astype(np.float32)
    x[draw.random(x.shape) < 0.05] = np.nan
    z = torch.from_numpy(np.nan_to_num(x[:, 0]) + 0.3 * draw.normal(size=80))
    others = {
        "part": (Regression.fit("part", z.float()), z.float()),
        "half": (Classes("half", 3), (z > 0).long() + 1),
    }
    if kind == "numbers":
        return Rows(x, Regression.fit("y", 20 + 5 * z), (20 + 5 * z).float(), others)
    # no row has the first of the four classes
    return Rows(
        x, Classes("y", 4, label_names="wxyz"), torch.bucketize(z, torch.tensor([-0.5, 0.5])) + 1, others
    )


def rival(name: str, given: Rows) -> RivalMember:
    options = catalogue.load("rivals", name).tries(rivals.kind_of(given.task), given.shape)[0]
    return RivalMember(given.task, rivals.fit(name, given.task, given.x, given.y, given.shape, 0, options))


def blend(given: Rows) -> Member:
    linear = "ridge" if rivals.kind_of(given.task) == "regression" else "logistic"
    network = NetworkCandidate("network", {"rate": 5e-3}).train(given, given.labelled, 0)
    fed = AuxiliaryPredictions.fit(given, 0)
    assert fed is not None
    x = given.beside(fed.own.astype(np.float32))
    stacked = StackedMember(given.task, rival(linear, Rows(x, given.task, given.y)), fed)
    process = ProcessCandidate(TOGETHER).train(given, given.labelled, 0)
    bounds = (-0.5, 0.5) if linear == "ridge" else None
    members = (TemperedMember(rival(linear, given), 1.7, bounds), network, stacked, process)
    return TemperedMember(Blend(given.task, members, (0.4, 0.2, 0.1, 0.3)), 0.8)


def saved(member: Member, folder: Path, kind: type = TableEncoder) -> Path:
    encoder = kind([Numbers(name) for name in NAMES], ["y", "part", "half"])
    Model(Committee(member), TrunkState(name="committee", shape=[3]), RECORD, encoder).save(folder)
    return folder


def table(given: Rows, file: Path, **more: object) -> str:
    pd.DataFrame(given.x, columns=list(NAMES)).assign(**more).to_csv(file, index=False)
    return str(file)


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_blend_is_predicted_as_the_whole_program_predicts_it(kind: str, tmp_path: Path) -> None:
    given = rows(kind)
    folder = saved(blend(given), tmp_path / "model")
    source = table(given, tmp_path / "new.csv", name="row", more=1.0)
    said: list[list[str]] = [[], []]
    files = tmp_path / "plain.parquet", tmp_path / "whole.parquet"
    plain = write_plain(folder, source, files[0], ["name", "a"], said[0].append)
    whole = write_predictions(load_model(folder), source, files[1], ["name", "a"], said[1].append)
    assert plain == {**whole, "file": str(files[0])}
    assert said[0] == said[1] != []
    one, two = (pd.read_parquet(file) for file in files)
    pd.testing.assert_frame_equal(one, two, rtol=1e-5, atol=1e-6)
    numbers = one.drop(columns=["row", "name", "a"]).select_dtypes("float")
    assert (numbers.max() - numbers.min()).max() > 0.5


def test_predictions_that_are_set_to_a_bound_are_counted(tmp_path: Path) -> None:
    given = rows("numbers")
    folder = saved(TemperedMember(rival("ridge", given), 1.0, (-5.0, 5.0)), tmp_path / "model")
    given.x[:3, 0] = (1000.0, -1000.0, 1000.0)
    source = table(given, tmp_path / "new.csv")
    said: list[list[str]] = [[], [], []]
    low, high = (given.task.mean + bound * given.task.scale for bound in (-5.0, 5.0))
    files = [tmp_path / name for name in ("plain.csv", "whole.csv", "at_once.npz")]
    write_plain(folder, source, files[0], [], said[0].append)
    for file, sentences in zip(files[1:], said[1:], strict=True):
        write_predictions(load_model(folder), source, file, [], sentences.append)
    for file, sentences in zip(files, said, strict=True):
        assert sum("by more than half of it: 3. They" in sentence for sentence in sentences) == 1
        found = np.asarray((np.load(file) if file.suffix == ".npz" else pd.read_csv(file))["prediction"])
        np.testing.assert_allclose(sorted({*found[:3]}), [low, high])
    model = load_model(folder)
    assert model.predictor.bounds == pytest.approx((low, high))
    x = model.inputs(source, lambda _: None)
    with pytest.warns(UserWarning, match=r"by more than half of it: 3\. They"):
        model.predict(x)


@pytest.mark.parametrize("name", ["label_spreading", "extra_trees", "svc"])
def test_an_estimator_alone_equals_to_rounding(name: str, tmp_path: Path) -> None:
    given = rows("classes")
    folder = saved(rival(name, given), tmp_path / "model")
    source = table(given, tmp_path / "new.csv")
    files = tmp_path / "plain.csv", tmp_path / "whole.csv"
    assert write_plain(folder, source, files[0], [], lambda _: None)
    write_predictions(load_model(folder), source, files[1], [], lambda _: None)
    one, two = (pd.read_csv(file) for file in files)
    pd.testing.assert_frame_equal(one, two, rtol=1e-12, atol=1e-12)


def test_what_it_cannot_do_it_leaves_alone(tmp_path: Path) -> None:
    given = rows("classes")
    folder = saved(rival("logistic", given), tmp_path / "model")
    out = tmp_path / "out.csv"
    labelled = table(given, tmp_path / "labelled.csv", y="x")
    assert write_plain(folder, labelled, out, [], print) is None  # they are to be scored
    plain = table(given, tmp_path / "plain.csv")
    assert write_plain(folder, plain, tmp_path / "out.npz", [], print) is None
    assert write_plain(folder, str(tmp_path), out, [], print) is None
    guess = saved(Constant().train(given, given.labelled, 0), tmp_path / "guess")
    assert write_plain(guess, plain, out, [], print) is None
    assert not out.exists()
    with pytest.raises(DataError, match="no column 'd' to carry over"):
        write_plain(folder, plain, out, ["d"], print)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    given = rows("classes")
    folder = saved(rival("logistic", given), tmp_path / "model")
    file = folder / "estimators.skops"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match="damaged, or belongs to another model"):
        write_plain(folder, table(given, tmp_path / "new.csv"), tmp_path / "out.csv", [], print)


def test_it_imports_no_pytorch() -> None:
    code = "import sys, auxin.exported.plain; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_estimators_of_another_scikit_learn_are_said_once_and_named_where_they_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = rows("numbers")
    encoder = TableEncoder([Numbers(name) for name in NAMES], ["y"])
    member = Committee(TemperedMember(rival("ridge", given), 1.0, (-3.0, 3.0)))
    record = RECORD.model_copy(update={"versions": {"scikit-learn": "1.2.3"}})
    Model(member, TrunkState(name="committee", shape=[3]), record, encoder).save(tmp_path / "model")
    source, said, loaded = table(given, tmp_path / "new.csv"), list[str](), list[str]()
    assert write_plain(tmp_path / "model", source, tmp_path / "p.csv", (), said.append) is not None
    load_model(tmp_path / "model", notify=loaded.append)
    assert said[:1] == loaded
    assert "scikit-learn 1.2.3 trained its estimators" in said[0]

    def broken(*_: object) -> None:
        raise AttributeError("_fill_dtype")

    monkeypatch.setattr("auxin.exported.model._try", broken)
    with pytest.raises(
        DataError, match=r"cannot be rebuilt.*install scikit-learn 1\.2\.3, or train it again"
    ):
        load_model(tmp_path / "model", notify=loaded.append)


def umlauts(folder: Path) -> pd.DataFrame:
    """Save a model of a column with an umlaut in its name; its rows."""
    given = rows("numbers")
    encoder = TableEncoder([Numbers("größe"), Numbers("b"), Numbers("c")], ["y"])
    member = Committee(TemperedMember(rival("ridge", given), 1.0, (-3.0, 3.0)))
    record = RECORD.model_copy(update={"metric": "r2"})
    Model(member, TrunkState(name="committee", shape=[3]), record, encoder).save(folder / "model")
    return pd.DataFrame(given.x, columns=["größe", "b", "c"])


@pytest.mark.parametrize("label", [{}, {"y": 1.0}], ids=["plain", "whole"])
def test_new_rows_may_have_an_encoding_of_their_own(label: dict[str, float], tmp_path: Path) -> None:
    frame = umlauts(tmp_path).assign(**label)
    for name in ("utf-8", "latin-1"):
        frame.to_csv(tmp_path / f"{name}.csv", index=False, encoding=name)
    out = tmp_path / "p.csv"

    def predict(file: str, *more: str) -> int:
        with pytest.raises(SystemExit) as done:
            main(["predict", str(tmp_path / "model"), str(tmp_path / file), "--out", str(out), *more])
        return int(str(done.value.code or 0))

    assert predict("utf-8.csv") == 0
    usual = pd.read_csv(out)
    assert predict("latin-1.csv", "--encoding", "latin-1") == 0
    pd.testing.assert_frame_equal(pd.read_csv(out), usual)


@pytest.mark.parametrize(
    ("file", "more", "said"),
    [
        ("latin-1.csv", [], "--encoding latin-1"),
        ("utf-8.csv", ["--encoding", "cp1252"], "Found UTF-8. Name its encoding: --encoding utf-8"),
        ("t.parquet", ["--encoding", "latin-1"], "--encoding is for text files"),
        ("two.csv", [], "'größe' is there in another form of Unicode"),
    ],
)
def test_a_wrong_encoding_of_new_rows_is_refused(
    file: str, more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = umlauts(tmp_path)
    for name in ("utf-8", "latin-1"):
        frame.to_csv(tmp_path / f"{name}.csv", index=False, encoding=name)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.rename(columns={"größe": "gro\u0308ße"}).to_csv(tmp_path / "two.csv", index=False)
    with pytest.raises(SystemExit):
        main(
            [
                "predict",
                str(tmp_path / "model"),
                str(tmp_path / file),
                "--out",
                str(tmp_path / "p.csv"),
                *more,
            ]
        )
    assert said in capsys.readouterr().err
