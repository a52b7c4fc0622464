"""Unsupervised features that a learned rule must beat."""
