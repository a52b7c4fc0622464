"""The data's own auxiliary tasks, all losses with one common weight that is tuned on the validation rows."""

from auxin.methods.base import Method

METHOD = Method(
    given=True,
    unlabelled=True,
    needs_auxiliary=True,
    tuning=(
        {"combiner.scale": 1.0},
        {"combiner.scale": 0.3},
        {"combiner.scale": 3.0},
        {"combiner.scale": 0.1},
    ),
)
