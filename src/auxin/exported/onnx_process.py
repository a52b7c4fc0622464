"""A Gaussian process as ONNX nodes, in float64: differences of distances would lose too many digits in float32."""

from typing import Any

import numpy as np

from auxin.fitting.gaussian import LEAST, Term
from auxin.fitting.process import ProcessMember
from auxin.fitting.scores import is_numbers


def process_node(graph: Any, member: ProcessMember, z: str) -> str:
    """Probabilities [N, C], or values in units of the spread [N, 1].

    Args:
        graph: The graph (`onnx_committee.Graph`).
        member: The process.
        z: The inputs as kernels take them, [N, P].
    """
    from onnx import TensorProto

    z = graph.add("Cast", z, to=TensorProto.DOUBLE)
    parts = [_term(graph, term, z) for term in member.terms]
    found = graph.add("Sum", *parts)
    if not is_numbers(member.task):
        prior = graph.constant(np.log(member.shares + LEAST), np.float64)
        sharp = graph.add("Mul", found, graph.constant(member.sharp, np.float64))
        found = graph.add("Softmax", graph.add("Add", sharp, prior), axis=1)
    return graph.add("Cast", found, to=TensorProto.FLOAT)


def _term(graph: Any, term: Term, z: str) -> str:
    """k(z, support) weights, [N, C]."""
    kernel, support = term.kernel, term.support
    number = lambda value: graph.constant(value, np.float64)  # noqa: E731
    product = graph.add("MatMul", z, number(support.T))
    found = graph.add("Add", graph.add("Mul", product, number(kernel.linear / support.shape[1])), number(1.0))
    if kernel.linear < 1.0:
        own = graph.add("ReduceSum", graph.add("Mul", z, z), graph.constant([1], np.int64), keepdims=1)
        other = number((support * support).sum(1)[None])
        squared = graph.add("Sub", graph.add("Add", own, other), graph.add("Mul", product, number(2.0)))
        scaled = graph.add(
            "Mul", graph.add("Max", squared, number(0.0)), number(3 / kernel.unit / kernel.length**2)
        )
        r = graph.add("Sqrt", scaled)
        near = graph.add("Mul", graph.add("Add", r, number(1.0)), graph.add("Exp", graph.add("Neg", r)))
        found = graph.add("Add", found, graph.add("Mul", near, number(1 - kernel.linear)))
    return graph.add("MatMul", found, number(term.weights))
