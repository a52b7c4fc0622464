"""Estimators, networks side by side and blends of them as one ONNX graph."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from auxin import catalogue, rivals
from auxin.errors import UnsupportedError, message
from auxin.exported.onnx_estimators import OPSET, converted
from auxin.exported.onnx_features import features_node, images_node
from auxin.exported.onnx_process import process_node
from auxin.fitting.blend import Blend
from auxin.fitting.candidates import Guess, Member, RivalMember
from auxin.fitting.convnet import ConvMember, layers_of
from auxin.fitting.featured import FeaturedMember
from auxin.fitting.inputs import SOFT, Inputs
from auxin.fitting.network import NetworkMember
from auxin.fitting.process import ProcessMember
from auxin.fitting.scores import is_numbers, probable
from auxin.fitting.search import TemperedMember
from auxin.fitting.stacked import AuxiliaryPredictions, StackedMember
from auxin.tasks.base import Task
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.regression import Regression

LEAST = 1e-6


@dataclass
class Graph:
    """An ONNX graph while it is put together; every call adds nodes and returns the name of what they make.

    Attributes:
        nodes, constants: Nodes and constants of the graph.
        domains: The operator sets beside ONNX's own, by name.
    """

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    domains: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def name(self) -> str:
        """A name that is not taken."""
        self.count += 1
        return f"t{self.count}"

    def constant(self, value: Any, kind: Any = None) -> str:
        """A constant tensor: of whole numbers int64, of others float32, where no other kind is given."""
        from onnx import numpy_helper

        name, usual = self.name(), np.int64 if np.asarray(value).dtype.kind == "i" else np.float32
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=kind or usual), name))
        return name

    def add(self, kind: str, *inputs: Any, **attributes: Any) -> str:
        """One node with one output; an input is the name of a node's output or constant, or a constant's value."""
        from onnx import helper

        names = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        name = self.name()
        self.nodes.append(helper.make_node(kind, names, [name], **attributes))
        return name

    def scaled(self, x: str, mean: Any, std: Any) -> str:
        """(x - mean) / std."""
        return self.add("Div", self.add("Sub", x, mean), std)

    def mean(self, names: Sequence[str], weights: Sequence[float]) -> str:
        """The weighted sum."""
        parts = [self.add("Mul", name, float(w)) for name, w in zip(names, weights, strict=True)]
        return self.add("Sum", *parts)

    def take_in(self, model: Any, x: str) -> list[str]:
        """The nodes of a whole model, its one input being x; the names of its outputs."""
        from onnx import compose

        self.count += 1
        own = compose.add_prefix(model, f"g{self.count}/")
        self.nodes.append(_identity(x, own.graph.input[0].name))
        self.nodes.extend(own.graph.node)
        self.constants.extend(own.graph.initializer)
        for used in own.opset_import:
            self.domains[used.domain] = max(used.version, self.domains.get(used.domain, 0))
        return [output.name for output in own.graph.output]


def _identity(source: str, target: str) -> Any:
    from onnx import helper

    return helper.make_node("Identity", [source], [target])


def committee_onnx(member: Member, shape: Sequence[int]) -> Any:
    """The whole model: `x` to `probabilities`, or to `values` in the target's unit.

    Args:
        member: What predicts.
        shape: Shape of one input, as it is stored.

    Raises:
        UnsupportedError: A part of it has no converter; it is named.
    """
    from onnx import TensorProto, helper

    graph, task = Graph(), member.task
    x = graph.add("Flatten", "x", axis=1) if len(shape) > 1 else "x"
    found = emit(graph, member, x, int(np.prod(shape)))
    name = "values" if is_numbers(task) else "probabilities"
    if isinstance(task, Regression):
        found = graph.add("Add", graph.add("Mul", found, float(task.scale)), float(task.mean))
        found = graph.add("Reshape", found, [-1])
    graph.nodes.append(_identity(found, name))
    made = helper.make_graph(
        graph.nodes,
        "auxin",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
        graph.constants,
    )
    domains = {**graph.domains, "": OPSET}
    sets = [
        helper.make_opsetid(domain, version) for domain, version in domains.items() if domain != "ai.onnx"
    ]
    return helper.make_model(made, opset_imports=sets, ir_version=9)


def emit(graph: Graph, member: Member, x: str, width: int) -> str:
    """A member's probabilities [N, C] (or [N, D] of attributes), or its value in units of the spread [N, 1]."""
    if isinstance(member, TemperedMember):
        return _heated(graph, emit(graph, member.member, x, width), member)
    if isinstance(member, Blend):
        return graph.mean([emit(graph, one, x, width) for one in member.members], member.weights)
    if isinstance(member, RivalMember):
        return _rival(graph, member.fitted, x, width)
    if isinstance(member, NetworkMember):
        return _networks(graph, member, x)
    if isinstance(member, ProcessMember):
        return process_node(graph, member, prepared(graph, member.inputs, x))
    if isinstance(member, ConvMember):
        return _convnets(graph, member, x)
    if isinstance(member, FeaturedMember):
        z = features_node(graph, member.features, x)
        return emit(graph, member.inner, z, len(member.features.mean))
    if isinstance(member, StackedMember):
        fed = _fed(graph, member.fed, x, width)
        return emit(graph, member.inner, graph.add("Concat", x, *fed, axis=1), member_width(member, width))
    assert isinstance(member, Guess)
    value = member.value if is_numbers(member.task) else probable(member.task, member.value)
    ones = graph.add("ReduceSum", graph.add("Mul", x, 0.0), [1])
    ones = graph.add("Where", graph.add("IsNaN", ones), 0.0, ones)
    return graph.add("Add", ones, value.numpy())


def member_width(member: StackedMember, width: int) -> int:
    """How many inputs the estimator behind the auxiliaries' models takes."""
    more = 0
    for models in member.fed.models:
        task = models[0].task
        classes = not is_numbers(task) and not isinstance(task, Multilabel)
        more += rivals.count_of(task) - 1 if classes else task.width
    return width + more


def _heated(graph: Graph, found: str, member: TemperedMember) -> str:
    if member.bounds is not None:
        return graph.add("Clip", found, *member.bounds)
    if member.heat == 1.0 or is_numbers(member.task):
        return found
    floor = graph.add("Clip", found, LEAST, 1 - LEAST)
    if isinstance(member.task, Multilabel):
        odds = graph.add("Log", graph.add("Div", floor, graph.add("Sub", 1.0, floor)))
        return graph.add("Sigmoid", graph.add("Div", odds, member.heat))
    log = graph.add("Log", graph.add("Max", found, LEAST))
    return graph.add("Softmax", graph.add("Div", log, member.heat), axis=1)


def _rival(graph: Graph, fitted: rivals.Fitted, x: str, width: int) -> str:
    task = fitted.task
    if reason := catalogue.load("rivals", fitted.name).onnx:
        raise UnsupportedError(message(f"{fitted.name} cannot be written as ONNX: {reason}"))
    if is_numbers(task):
        model, x = _prepared(graph, fitted.estimators[0], x)
        [name] = graph.take_in(converted(fitted.name, model, width), x)
        return graph.add("Reshape", name, [-1, 1])
    found = [_classes(graph, fitted.name, one, x, width, rivals.count_of(task)) for one in fitted.estimators]
    if not isinstance(task, Multilabel):
        return found[0]
    second = graph.constant([1], np.int64)
    return graph.add("Concat", *(graph.add("Gather", p, second, axis=1) for p in found), axis=1)


def _classes(graph: Graph, name: str, estimator: Any, x: str, width: int, count: int) -> str:
    """Probabilities of every class, those that the estimator does not know at the least."""
    model, x = _prepared(graph, estimator, x)
    outputs = graph.take_in(converted(name, model, width), x)
    places = np.zeros((len(estimator.classes_), count))
    places[np.arange(len(places)), np.asarray(estimator.classes_, dtype=np.int64)] = 1.0
    full = graph.add("MatMul", outputs[1], places)
    full = graph.add("Max", full, LEAST)
    total = graph.add("ReduceSum", full, [1], keepdims=1)
    return graph.add("Div", full, total)


def _prepared(graph: Graph, estimator: Any, x: str) -> tuple[Any, str]:
    """The pipeline's last step, and its inputs: gaps filled and columns scaled, in plain ONNX."""
    if not isinstance(estimator, Pipeline):
        return estimator, x
    for step in [step for _, step in estimator.steps[:-1]]:
        if isinstance(step, SimpleImputer):
            x = graph.add("Where", graph.add("IsNaN", x), step.statistics_, x)
        elif isinstance(step, StandardScaler):
            x = graph.scaled(x, step.mean_, step.scale_)
        elif isinstance(step, Normalizer):
            x = _length_one(graph, x)
        else:
            x = _columns(graph, step, x)
    return estimator[-1], x


def _length_one(graph: Graph, x: str) -> str:
    norm = graph.add("ReduceL2", x, [1], keepdims=1)
    one = graph.add("Where", graph.add("Equal", norm, 0.0), 1.0, norm)
    return graph.add("Div", x, one)


def _columns(graph: Graph, step: Any, x: str) -> str:
    """Word counts at length 1 per row, the other columns scaled."""
    parts = []
    for _, inner, columns in step.transformers_:
        if not len(columns):
            continue
        own = graph.add("Gather", x, columns, axis=1)
        if isinstance(inner, Normalizer):
            parts.append(_length_one(graph, own))
        elif isinstance(inner, StandardScaler):
            parts.append(graph.scaled(own, inner.mean_, inner.scale_))
    return graph.add("Concat", *parts, axis=1)


def _fed(graph: Graph, fed: AuxiliaryPredictions, x: str, width: int) -> list[str]:
    """The auxiliaries' predictions, each [N, K]: values, attributes, or every class's probability but the first's."""
    found = []
    for models in fed.models:
        task: Task = models[0].task
        parts = [_rival(graph, one, x, width) for one in models]
        mean = graph.mean(parts, [1 / len(parts)] * len(parts))
        if not is_numbers(task) and not isinstance(task, Multilabel):
            mean = graph.add("Gather", mean, np.arange(1, rivals.count_of(task)), axis=1)
        found.append(mean)
    return found


def prepared(graph: Graph, inputs: Inputs, x: str) -> str:
    """Vectors as networks and kernels take them, [N, P]."""
    z, gap = x, graph.add("IsNaN", x)
    if inputs.length:
        full = graph.add("Where", gap, 0.0, z)
        norm = graph.add("ReduceL2", full, [1], keepdims=1)
        z = graph.add("Div", z, graph.add("Max", norm, 1e-8))
    z = graph.add("Where", gap, inputs.mean.numpy(), z)
    z = graph.scaled(z, inputs.mean.numpy(), inputs.std.numpy())
    if inputs.basis is not None and inputs.scale is not None:
        z = graph.add("MatMul", z, inputs.basis.numpy())
        z = graph.add("Div", z, inputs.scale.numpy())
    part = graph.add("Div", z, SOFT)
    root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", part, part), 1.0))
    return graph.add("Div", z, root)


def _networks(graph: Graph, member: NetworkMember, x: str) -> str:
    """Networks side by side, [S, N, width], and the mean of their probabilities or values."""
    w = {k: v.numpy() for k, v in member.weights.items()}
    z = graph.add("Unsqueeze", prepared(graph, member.inputs, x), [0])

    def linear(h: str, weight: str, bias: str) -> str:
        return graph.add("Add", graph.add("MatMul", h, w[weight]), w[bias])

    hidden = graph.add("Relu", linear(z, "first", "first_bias"))
    hidden = graph.add("Relu", linear(hidden, "second", "second_bias"))
    out = graph.add("Add", linear(hidden, "head", "bias"), graph.add("MatMul", z, w["skip"]))
    if not is_numbers(member.task):
        out = _probabilities(graph, member.task, out)
    return graph.add("ReduceMean", out, [0], keepdims=0)


def _convnets(graph: Graph, member: ConvMember, x: str) -> str:
    """Convolutional networks one after the other, and the mean of their probabilities or values."""
    pixels, found = member.pixels, []
    z = images_node(graph, pixels, x)
    for weights in member.weights:
        out, side = z, min(pixels.image[1:]) // pixels.factor
        for number in range(layers_of(weights)):
            own = (weights[f"{number}.{part}"].numpy() for part in ("weight", "bias"))
            out = graph.add("Relu", graph.add("Conv", out, *own, pads=[1, 1, 1, 1]))
            if side >= 2:
                out, side = graph.add("MaxPool", out, kernel_shape=[2, 2], strides=[2, 2]), side // 2
        head = [graph.constant(weights[f"head.{part}"].numpy()) for part in ("weight", "bias")]
        out = graph.add("Gemm", graph.add("Flatten", out, axis=1), *head, transB=1)
        found.append(out if is_numbers(member.task) else _probabilities(graph, member.task, out, axis=1))
    return graph.mean(found, [1 / len(found)] * len(found))


def _probabilities(graph: Graph, task: Task, out: str, axis: int = 2) -> str:
    if isinstance(task, Multilabel):
        return graph.add("Sigmoid", out)
    if rivals.count_of(task) == task.width:
        return graph.add("Softmax", out, axis=axis)
    raise UnsupportedError(
        "A network for ordered classes beside others cannot be written as ONNX yet",
        do="Fit one network: auxin fit DATA --method single",
    )
