"""Columns and arrays as targets: which kind of task they make, and what stands for a missing label."""
