"""The main task alone from random weights: the baseline for a pretrained backbone (`--model pretrained:PATH`)."""

from auxin.methods.base import Method

METHOD = Method()
