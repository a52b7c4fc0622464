"""Files as tables, arrays and images, with clear errors for what is missing or damaged."""
