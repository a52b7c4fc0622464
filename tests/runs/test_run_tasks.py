"""A target of the data keeps its name, whatever the tasks that a method makes are called."""

import pytest
import torch

from auxin.data import Dataset
from auxin.errors import ConfigError
from auxin.methods import resolve
from auxin.runs.run_tasks import self_made, tasks_of
from auxin.tasks.classes import Classes
from auxin.training.feed import Batch, concatenate


def made(auxiliary: str) -> Dataset:
    y = {"y": torch.arange(8) % 2, auxiliary: torch.arange(8) % 3}
    tasks = {"y": Classes("y", 2), auxiliary: Classes(auxiliary, 3)}
    return Dataset("made", torch.rand(8, 1, 6, 6), tasks, y, "y", torch.zeros(8, dtype=torch.bool))


def test_a_pretext_that_is_called_as_a_target_gets_another_name() -> None:
    data = made("rotation")
    rotation, edges = self_made(["rotation", "edges"], (1, 6, 6), data)
    assert (rotation.task.name, edges.task.name) == ("rotation (self-made)", "edges")
    tasks, _ = tasks_of(data, resolve("auto"), "cross_entropy", None, [rotation, edges], None)
    assert list(tasks) == ["y", "rotation", "rotation (self-made)", "edges"]
    assert (tasks["rotation"].width, tasks["rotation (self-made)"].width) == (3, 4)
    x, target = rotation(data.x, torch.Generator().manual_seed(0))
    own = Batch(data.x, data.y, torch.arange(8))
    batch = concatenate([own, Batch(x, {rotation.task.name: target}, torch.full((len(x),), -1))])
    assert batch.y["rotation"][:8].tolist() == data.y["rotation"].tolist()
    assert set(batch.y["rotation"][8:].tolist()) == {-1}


def test_a_target_with_the_name_of_a_task_that_the_labeler_makes_is_refused() -> None:
    class Named:
        teaches = False

        def tasks(self, loss: str = "cross_entropy") -> dict[str, Classes]:
            return {"part": Classes("part", 2, loss=loss)}

    with pytest.raises(ConfigError, match="The target 'part' has the name of a task"):
        tasks_of(made("part"), resolve("auto"), "cross_entropy", Named(), [], None)
