"""The parts of `benchmarks/lookahead.py`: a setup, the variants on it, what is measured, the tables."""
