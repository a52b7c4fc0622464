"""A saved model: what is in the folder, what is refused, and that it computes what the trained network computes."""

import json
import sys

import pytest
import torch
from safetensors.torch import load_file

from auxin.cli import main
from auxin.data import DevicePool, load
from auxin.errors import AuxinError, DataError, UnsupportedError
from auxin.exported import compared
from auxin.exported.card import TrainingRecord, TrunkState
from auxin.exported.export import to_onnx, to_torch
from auxin.exported.folder import checksum
from auxin.exported.model import Model, load_model
from auxin.exported.predictor import Predictor
from auxin.exported.task_state import TaskState
from auxin.models import build_network
from auxin.tasks.classes import Classes
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.dense_regression import DenseRegression
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression
from auxin.tasks.vector import Vector

TASKS = {
    "classes": Classes("y", 3, label_names=["a", "b", "c"]),
    "ordered": Ordered("y", 4),
    "multilabel": Multilabel("y", 2),
    "regression": Regression("y", mean=3.0, scale=2.0),
    "vector": Vector("y", 2, [1.0, 2.0], [0.5, 4.0]),
    "dense_classes": DenseClasses("y", 3),
    "dense_regression": DenseRegression("y", 2, mean=1.0, scale=3.0),
}
RECORD = TrainingRecord(
    data="d", method="single", seed=0, split_hash="0", rows={"train": 9}, settings={"lr": 0.1, "steps": 3},
    metric="accuracy", epoch=1, epochs=2, seconds=1.0, started="now",
)  # fmt: skip


def model(kind: str = "classes", shape: tuple[int, ...] = (5,), temperature: float = 1.0) -> Model:
    """An untrained network whose batch norm has seen something, with an auxiliary head that is not to be kept."""
    task = TASKS[kind]
    trunk = "segnet" if task.dense else ("mlp" if len(shape) == 1 else "conv4")
    options = {"norm": "batch", "hidden": 7} if trunk == "mlp" else {}
    network = build_network(trunk, shape, {"y": task, "other": Classes("other", 2)}, seed=1, **options)
    generator = torch.Generator().manual_seed(0)
    network(torch.randn(20, *shape, generator=generator))
    mean, std = torch.rand(shape[0], generator=generator), 0.5 + torch.rand(shape[0], generator=generator)
    std[-1] = torch.inf if len(shape) == 1 else std[-1]
    predictor = Predictor.of(network.eval(), task, mean, std, temperature)
    return Model(predictor, TrunkState(name=trunk, shape=list(shape), options=options), RECORD)


def inputs(shape: tuple[int, ...] = (5,), rows: int = 7) -> torch.Tensor:
    x = 2 * torch.randn(rows, *shape, generator=torch.Generator().manual_seed(3))
    if len(shape) == 1:
        x[2, 1] = torch.nan
    return x


QUICK = [("classes", (5,)), ("classes", (1, 8, 8)), ("regression", (5,))]
CASES = QUICK + [
    pytest.param(kind, (3, 32, 32) if task.dense else (5,), marks=pytest.mark.slow)
    for kind, task in TASKS.items()
    if kind not in ("classes", "regression")
]


@pytest.mark.parametrize(("kind", "shape"), CASES)
def test_a_saved_model_is_the_same_one(kind, shape, tmp_path) -> None:
    made = model(kind, shape, temperature=1.7)
    made.save(tmp_path / "m")
    again = load_model(tmp_path / "m")
    x = inputs(shape)
    assert torch.equal(again.predict(x).outputs, made.predict(x).outputs)
    assert torch.equal(again.predictor(x), made.predictor(x))
    assert again.training == made.training
    assert again.predictor.std.tolist() == made.predictor.std.tolist()
    assert TaskState.of(again.task) == TaskState.of(made.task)
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == ["model.json", "weights.safetensors"]


def test_nothing_of_the_auxiliaries_is_left(tmp_path) -> None:
    model().save(tmp_path)
    text = (tmp_path / "model.json").read_text()
    names = set(load_file(tmp_path / "weights.safetensors"))
    assert "other" not in text
    assert {name.split(".")[0] for name in names} == {"trunk", "head"}
    kept = sum(v.numel() for v in load_file(tmp_path / "weights.safetensors").values())
    assert kept == sum(v.numel() for v in model().predictor.state_dict().values())


@pytest.mark.parametrize(("kind", "shape"), CASES)
def test_a_batch_is_its_rows_one_by_one(kind, shape) -> None:
    made, x = model(kind, shape), inputs(shape)
    whole = made.predict(x).outputs
    alone = torch.cat([made.predict(row[None]).outputs for row in x])
    torch.testing.assert_close(whole, alone, rtol=0, atol=1e-13 if len(shape) == 1 else 1e-5)


def test_the_normalisation_is_the_pools() -> None:
    data = load("digits")
    rows = torch.arange(300)
    pool = DevicePool(data, rows, "cpu")
    network = build_network("conv4", data.shape, data.tasks, seed=0).eval()
    predictor = Predictor.of(network, data.tasks["digit"], pool.mean, pool.std, temperature=2.0)
    with torch.no_grad():
        wanted = network(pool.batch(torch.arange(5)).x)["digit"]
    assert torch.equal(predictor.outputs(data.x[:5].float()), wanted / 2.0)


def test_a_missing_value_is_the_mean_and_an_unused_column_is_not_used() -> None:
    made, x = model(), inputs()
    filled = x.clone()
    filled[2, 1] = made.predictor.mean[1]
    filled[:, -1] += 5.0
    torch.testing.assert_close(made.predictor(x), made.predictor(filled))


def test_the_temperature_changes_no_choice() -> None:
    warm, cold, x = model(temperature=4.0), model(), inputs()
    assert torch.equal(warm.predict(x).values, cold.predict(x).values)
    assert float(warm.predict(x).probabilities.max()) < float(cold.predict(x).probabilities.max())
    log = cold.predict(x).outputs / 4.0
    torch.testing.assert_close(warm.predict(x).probabilities, log.softmax(1))


@pytest.mark.parametrize(("kind", "shape"), CASES)
def test_the_torch_program_equals_the_network(kind, shape, tmp_path) -> None:
    made, x = model(kind, shape, temperature=1.3), inputs(shape)
    to_torch(made, tmp_path / "m.pt2")
    program = torch.export.load(tmp_path / "m.pt2").module()
    for part in (x, x[:1]):
        torch.testing.assert_close(program(part), made.predictor(part), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("kind", "shape"), CASES)
def test_onnx_equals_the_network(kind, shape, tmp_path) -> None:
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    made, x = model(kind, shape, temperature=1.3), inputs(shape)
    to_onnx(made, tmp_path / "sub" / "m.onnx")
    session = runtime.InferenceSession(str(tmp_path / "sub" / "m.onnx"))
    for part in (x, x[:1]):
        found = torch.from_numpy(session.run(None, {"x": part.numpy()})[0])
        torch.testing.assert_close(found, made.predictor(part), rtol=0, atol=1e-5)


class LogSigmoid(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.logsigmoid(1000 * x)  # torch.onnx writes log(sigmoid), -inf


def test_an_onnx_file_with_other_numbers_is_refused(tmp_path, monkeypatch) -> None:
    pytest.importorskip("onnxscript")
    made, found, export, programs = model("regression"), compared.find_spec, torch.onnx.export, []

    def once(*given, **named):  # both runtimes look at one export, which takes two seconds
        programs[:] = programs or [export(*given, **named)]
        return programs[0]

    monkeypatch.setattr(torch.onnx, "export", once)
    made.predictor.head = torch.nn.Sequential(made.predictor.head, LogSigmoid())
    for absent in ("", "onnxruntime"):
        monkeypatch.setattr(compared, "find_spec", lambda n, absent=absent: None if n == absent else found(n))
        with pytest.raises(UnsupportedError, match="other numbers than the network"):
            to_onnx(made, tmp_path / "m.onnx")
    to_torch(made, tmp_path / "m.pt2")
    assert [p.name for p in tmp_path.iterdir()] == ["m.pt2"]


def test_a_torch_program_with_other_numbers_is_refused(tmp_path, monkeypatch) -> None:
    made = model()
    module = torch.export.ExportedProgram.module
    monkeypatch.setattr(torch.export.ExportedProgram, "module", lambda self: lambda x: module(self)(x + 0.1))
    with pytest.raises(UnsupportedError, match="other numbers than the network"):
        to_torch(made, tmp_path / "m.pt2")


def test_without_onnx_it_says_what_to_install(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    monkeypatch.setattr(
        "auxin.exported.export.find_spec", lambda name: None if name == "onnxscript" else name
    )
    with pytest.raises(UnsupportedError, match=r"no onnxscript.*auxin\[onnx\]"):
        to_onnx(model(), tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def broken(folder, change, sign=True) -> None:
    """Change `model.json`, and its checksum with it: the change is meant."""
    text = json.loads((folder / "model.json").read_text())
    change(text)
    if sign and "checksum" in text:
        text["checksum"] = checksum(text)
    (folder / "model.json").write_text(json.dumps(text))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda t: t.update(version=99),
            r"Expected auxin.model version 1 or 2. Found auxin.model version 99",
        ),
        (lambda t: t.update(format="auxin.rule"), "Found auxin.rule version 1"),
        (lambda t: t.pop("format"), "model.json is damaged"),
        (lambda t: t.pop("task"), "task: Field required"),
        (lambda t: t.update(surplus=1), "surplus: Extra inputs"),
        (lambda t: t["task"].update(kind="clases"), "Did you mean 'classes'"),
        (lambda t: t["trunk"].update(options={"hidden": 8}), "cannot be rebuilt"),
        (lambda t: t.update(weights="0" * 64), "is damaged, or belongs to another model"),
    ],
)
def test_another_or_a_damaged_card_is_refused(change, said, tmp_path) -> None:
    model().save(tmp_path)
    broken(tmp_path, change)
    with pytest.raises(ValueError, match=said):
        load_model(tmp_path)


def test_cut_and_missing_files_are_refused(tmp_path) -> None:
    with pytest.raises(DataError, match=r"is not a saved model.*Found no such folder"):
        load_model(tmp_path / "m")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="Found an empty folder"):
        load_model(tmp_path / "empty")
    model().save(tmp_path / "m")
    weights, card = tmp_path / "m" / "weights.safetensors", tmp_path / "m" / "model.json"
    whole = weights.read_bytes()
    for content in (whole[:-3], b"", whole[:-1] + bytes([whole[-1] ^ 1])):
        weights.write_bytes(content)
        with pytest.raises(DataError, match=r"weights.safetensors is damaged"):
            load_model(tmp_path / "m")
    weights.unlink()
    with pytest.raises(DataError, match=r"not a whole model.*the file weights.safetensors.*Found model.json"):
        load_model(tmp_path / "m")
    weights.write_bytes(whole)
    card.write_text(card.read_text()[:40])
    with pytest.raises(DataError, match=r"model.json is damaged"):
        load_model(tmp_path / "m")


@pytest.mark.parametrize("x", [torch.zeros(3, 4), torch.zeros(0, 5), torch.zeros(2, 5, 1), torch.zeros(5)])
def test_inputs_of_another_shape_are_refused(x) -> None:
    with pytest.raises(DataError, match=r"Expected \[rows, 5\]"):
        model().predict(x)


def test_infinite_inputs_are_refused() -> None:
    with pytest.raises(DataError, match="infinite"):
        model().predict(torch.full((1, 5), torch.inf))


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [("std", 0.0, "normalise"), ("mean", "NaN", "normalise"), ("temperature", 0.0, "temperature"),
     ("temperature", -1.0, "temperature"), ("temperature", "Infinity", "temperature")],
)  # fmt: skip
def test_numbers_that_cannot_be_used_are_refused_and_named(field, value, word, tmp_path) -> None:
    model().save(tmp_path)

    def change(card) -> None:
        card[field] = [value, *card[field][1:]] if isinstance(card[field], list) else value

    broken(tmp_path, change)
    with pytest.raises(DataError, match=word):
        load_model(tmp_path)


def test_weights_that_are_not_finite_are_refused_and_named(tmp_path) -> None:
    broken = model()
    next(broken.predictor.parameters()).data[0] = torch.nan
    broken.save(tmp_path)
    with pytest.raises(DataError, match="not finite"):
        load_model(tmp_path)


@pytest.mark.parametrize("change", [
    lambda t: t.update(temperature=2.0), lambda t: t["training"].update(test=1.0),
    lambda t: t["mean"].reverse(), lambda t: t["task"].update(kind="ordered"),
])  # fmt: skip
def test_a_card_that_was_changed_is_refused_by_its_checksum(change, tmp_path) -> None:
    model().save(tmp_path)
    broken(tmp_path, change, sign=False)
    with pytest.raises(DataError, match=r"model\.json is damaged, or belongs to another model.*SHA-256"):
        load_model(tmp_path)


@pytest.fixture
def foreign(tmp_path, monkeypatch) -> str:
    """The name of a module outside auxin which writes a file when it is imported."""
    name = "a_trunk_of_the_tests"
    made = f"from pathlib import Path\nimport torch\nPath({str(tmp_path / 'imported')!r}).touch()\n"
    made += "def trunk(shape, **options):\n    return torch.nn.Linear(shape[0], 3)\n"
    (tmp_path / f"{name}.py").write_text(made)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


def test_a_model_imports_nothing_outside_auxin_unless_it_is_named(foreign, tmp_path, capsys) -> None:
    network = build_network(f"{foreign}:trunk", (5,), {"y": TASKS["classes"]}, seed=0).eval()
    predictor = Predictor.of(network, TASKS["classes"], torch.zeros(5), torch.ones(5), 1.0)
    Model(predictor, TrunkState(name=f"{foreign}:trunk", shape=[5]), RECORD).save(tmp_path / "m")
    (tmp_path / "imported").unlink()
    sys.modules.pop(foreign)
    for modules in ((), ("another",), (f"{foreign}:other",)):
        with pytest.raises(DataError, match=rf"runs code outside auxin.*--allow-module {foreign}"):
            load_model(tmp_path / "m", modules=modules)
    with pytest.raises(SystemExit) as stop:
        main(["export", str(tmp_path / "m"), "--torch", str(tmp_path / "m.pt2")])
    assert stop.value.code == 2
    assert not (tmp_path / "imported").exists()
    for modules in ((foreign,), (f"{foreign}:trunk",)):
        assert load_model(tmp_path / "m", modules=modules).predict(inputs()).values.shape == (7,)
    assert (tmp_path / "imported").exists()
    with pytest.raises(SystemExit) as stop:
        main(["export", str(tmp_path / "m"), "--torch", str(tmp_path / "m.pt2"), "--allow-module", foreign])
    assert not stop.value.code


def test_no_function_of_auxins_own_is_called_either(tmp_path) -> None:
    model().save(tmp_path)
    broken(tmp_path, lambda t: t["trunk"].update(name="auxin.catalogue:user_module"))
    with pytest.raises(DataError, match="runs code outside"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["task"]["options"].update(label_names=[1, 2, 3]),
        lambda t: t["task"]["options"].update(label_names=["a"]),
        lambda t: t.update(encoder={"kind": "arrays", "shape": "5", "dtype": "float32", "array": None}),
        lambda t: t.update(encoder={"kind": "arrays", "shape": [5], "dtype": "object", "array": None}),
        lambda t: t.update(encoder={"kind": "images", "shape": [5], "resized": 1, "column": 3, "encoding": 7}),
        lambda t: t.update(encoder={"kind": "table", "columns": [], "others": [], "encoding": 7}),
        lambda t: t.update(encoder={"kind": "table", "columns": [{"kind": "words", "name": "a", "categories": [1]}],
                                    "others": [], "encoding": "utf-8"}),
        lambda t: t.update(encoder={"kind": "table", "columns": [{"kind": "text", "name": "a", "vocabulary": ["a"],
                                    "idf": [1.0, 2.0]}], "others": [], "encoding": "utf-8"}),
        lambda t: t["trunk"].update(shape=[-1]),
        lambda t: t["trunk"].update(options={"hidden": [0]}),
    ],
)  # fmt: skip
def test_a_signed_card_whose_fields_do_not_fit_is_refused_when_it_is_loaded(change, tmp_path) -> None:
    model().save(tmp_path)
    broken(tmp_path, change)
    with pytest.raises(AuxinError):
        load_model(tmp_path)
