"""Estimators of the hypergradient dL_A/dphi."""

from auxin.hypergradients._audit import repeated as repeated
from auxin.hypergradients._front import Diagnosis as Diagnosis
from auxin.hypergradients._front import diagnose as diagnose
from auxin.hypergradients._front import hypergradient as hypergradient
from auxin.hypergradients._training_gradient import gradient_without_a_trace as gradient_without_a_trace
from auxin.hypergradients._training_gradient import training_gradient as training_gradient
from auxin.hypergradients.base import BilevelProblem as BilevelProblem
from auxin.hypergradients.base import Estimator as Estimator
from auxin.hypergradients.base import Hypergradient as Hypergradient
from auxin.hypergradients.base import NextBatchForward as NextBatchForward
from auxin.hypergradients.base import TrainingGradient as TrainingGradient
