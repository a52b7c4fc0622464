"""Linear solvers: H^-1 v from products with H."""
