"""The main task alone from random weights: what a pretrained backbone has to beat (`--model pretrained:PATH`)."""

from auxin.methods._base import Method

METHOD = Method()
