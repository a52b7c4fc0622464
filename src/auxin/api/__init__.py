"""auxin in the user's own loop."""
