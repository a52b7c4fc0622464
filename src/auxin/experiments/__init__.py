"""Runs, comparisons, verdicts and the papers' recipes."""
