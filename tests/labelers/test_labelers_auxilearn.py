"""AuxiLearn's labels: no entropy term, and rows that sum to one where the authors' do not."""

import torch
from torch import nn

from auxin.labelers.auxilearn import AuxiLearn
from auxin.labelers.base import LabelerContext
from auxin.math.hierarchy import Hierarchy
from auxin.typing import Batch


class Trunk(nn.Module):
    width = 3

    def forward(self, x):
        return x


def test_rows_sum_to_one_where_the_authors_construction_does_not():
    main = torch.tensor([0, 1])
    context = LabelerContext(
        "main", Hierarchy.uniform(2, 5), torch.eye(2, 3), {"main": main}, torch.arange(2), Trunk, 0
    )
    labeler = AuxiLearn.build(context)
    with torch.no_grad():
        labeler.generator.head.weight[5:] = 0
        labeler.generator.head.weight[5:, 0] = 40.0  # an excluded class leads by 40
    targets = labeler(Batch(context.x, {"main": main}, context.rows)).detach()
    torch.testing.assert_close(targets.sum(1), torch.ones(2))
    assert targets.shape == (2, 10)
    assert labeler.regulariser(targets) is None
    assert labeler.penalty() is None


def test_it_shares_no_weights_with_maxl_of_the_same_seed():
    from auxin.labelers.maxl import Maxl

    main = torch.tensor([0])
    context = LabelerContext("main", Hierarchy((5,)), torch.ones(1, 3), {"main": main}, main, Trunk, 0)
    maxl = Maxl.build(context, init="default").generator.head.weight
    assert not AuxiLearn.build(context).generator.head.weight.allclose(maxl)
