"""Pure functions of tensors: parameters, derivative products, hierarchies, statistics."""
