"""The parts of `benchmarks/gpu.py`: the variants, what is measured of them, the floors, the report."""
