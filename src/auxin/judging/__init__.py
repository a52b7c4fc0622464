"""From finished runs to verdicts: paired intervals, the bootstrap over rows, and the sentences."""
