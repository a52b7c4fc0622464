"""Learned update rules: meta-training, tasks, evaluation, and rule files."""
