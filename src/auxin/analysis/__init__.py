"""What the learned signal looks like."""
