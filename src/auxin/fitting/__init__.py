"""Choosing a model for the main task: candidates of all kinds, the same folds for all, and a blend of the best."""
