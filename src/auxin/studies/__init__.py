"""Studies: comparisons, fits, probes and reproductions, each a list of runs and a judgement."""
