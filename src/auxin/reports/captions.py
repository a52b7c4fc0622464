"""What stands over and under each figure of the page."""

from auxin.reports.mistakes import POINTS

_DIFFERENCES = "Small dots: one seed each. Large mark: the mean, with its 95 % interval over seeds."
_WORDS = {
    "score": (
        "Learning curves",
        "Mean over seeds; the band is one standard error. The axis begins after a fifth of training.",
    ),
    "loss": ("Training loss", "Mean over seeds; the band is one standard error."),
    "seeds": ("Every seed", "Small dots: one seed each. Large mark: their mean, with one standard error."),
    "versus_single": ("Difference to single-task training", _DIFFERENCES),
    "versus_control": ("Difference to the best control", _DIFFERENCES),
    "label_entropy": (
        "Entropy of the generated labels",
        "Per sample: 0 is a hard label, 1 is uniform. Class mean near 0: one label for all.",
    ),
    "task_weights": (
        "Task weights",
        "The weight of each task's loss while training, of methods whose weights change; mean over seeds.",
    ),
    "gradient_cosines": (
        "Gradient cosines",
        "Above 0 a task's gradient agrees with the main task's, below it they conflict.",
    ),
    "label_budget": (
        "Score against labels per class",
        "Mean over seeds, with one standard error. The axis of labels is logarithmic.",
    ),
    "confusion_": (
        "Confusion matrix of {}",
        "Percent of each true class (row), over the development rows of all seeds.",
    ),
    "fit_": (
        "True and predicted values of {}",
        f"Development rows of the first seed, at most {POINTS}; on the line a prediction is right.",
    ),
    "features_": (
        "t-SNE of the final features of {}",
        "Development rows of one seed, by t-SNE: near points have similar features; distances between groups "
        "mean nothing.",
    ),
}
"""Title and caption of every figure; a name that ends in _ is followed by a method."""


def title(name: str) -> str:
    """What a figure shows, by its file name.

    >>> title("features_maxl"), title("my_own_figure")
    ('t-SNE of the final features of maxl', 'My own figure')
    """
    key, method = _key(name)
    return _WORDS[key][0].format(method) if key else name.replace("_", " ").replace("-", " ").capitalize()


def caption(name: str) -> str:
    """How to read it; empty for a figure that is not of auxin's own page."""
    key, _ = _key(name)
    return _WORDS[key][1] if key else ""


def known(name: str) -> bool:
    """Whether a file name is one of the page's own figures."""
    return bool(_key(name)[0])


def _key(name: str) -> tuple[str, str]:
    if name in _WORDS:
        return name, ""
    prefix = next((key for key in _WORDS if key.endswith("_") and name.startswith(key)), "")
    return prefix, name[len(prefix) :] if prefix else ""
