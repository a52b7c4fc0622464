"""The loop and what survives a crash."""
