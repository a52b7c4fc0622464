"""The papers' tables and figures, run again: ours beside the paper's."""
