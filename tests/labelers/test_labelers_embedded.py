"""Clusters, prototypes, and the fixed embedding under them."""

import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from auxin.errors import ConfigError
from auxin.labelers._embedding import fit_embedding
from auxin.labelers.base import LabelerContext
from auxin.labelers.clusters import Clusters
from auxin.labelers.prototypes import Prototypes, class_means, stratified
from auxin.math.hierarchy import Hierarchy
from auxin.typing import Batch


class Trunk(nn.Module):
    width = 5

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout())

    def forward(self, x):
        return self.layers(x)


def blobs(count=80, seed=0):
    """Six well separated sub-classes (2 + 4) around random centres."""
    generator = torch.Generator().manual_seed(seed)
    fine = torch.arange(count) % 6
    centres = torch.randn(6, 6, generator=generator, dtype=torch.float64) * 5
    x = centres[fine] + 0.1 * torch.randn(count, 6, generator=generator, dtype=torch.float64)
    return x.reshape(count, 1, 2, 3), torch.tensor([0, 1, 1, 0, 1, 1])[fine], fine


def context(seed=0, psi=(2, 4), x=None, main=None, fine=None):
    inputs, coarse, finer = blobs()
    x = inputs if x is None else x
    y = {"main": coarse if main is None else main, "fine": finer if fine is None else fine}
    return LabelerContext("main", Hierarchy(psi), x, y, torch.arange(len(x)) + 50, Trunk, seed, "fine")


def batch_of(made):
    return Batch(made.x, dict(made.y), made.rows)


def same_partition(a, b):
    pairs = set(zip(a.tolist(), b.tolist(), strict=True))
    return len(pairs) == len(set(a.tolist())) == len(set(b.tolist()))


# The embedding.


@pytest.mark.parametrize("kind", ["pixels", "pca", "random_trunk"])
def test_the_embedding_has_total_variance_one_and_is_differentiable_in_x(kind):
    made = context()
    embedding = fit_embedding(made, kind, 3)
    e = embedding(made.x)
    assert (e - e.mean(0)).square().sum(1).mean().item() == pytest.approx(1.0, rel=1e-9)
    assert e.mean(0).abs().max() < 1e-9
    assert not any(p.requires_grad for p in embedding.parameters())
    assert torch.autograd.gradcheck(embedding, made.x[:3].clone().requires_grad_())


def test_pca_is_pca():
    made = context()
    flat = made.x.flatten(1).numpy()
    expected = torch.from_numpy(PCA(3, svd_solver="full").fit_transform(flat))
    found = fit_embedding(made, "pca", 3)(made.x)
    ratio = found / expected
    torch.testing.assert_close(ratio.abs(), ratio.abs()[0, 0].expand_as(ratio), rtol=1e-6, atol=0)


def test_pca_has_no_more_dimensions_than_rows_or_inputs():
    assert fit_embedding(context(), "pca", 50)(blobs()[0]).shape[1] == 6
    x, main, fine = (t[:4] for t in blobs())
    assert fit_embedding(context(x=x, main=main, fine=fine), "pca", 50)(x).shape[1] == 4


def test_constant_inputs_do_not_divide_by_zero():
    made = context(x=torch.ones(80, 1, 2, 3))
    assert fit_embedding(made, "pixels", 50)(made.x).eq(0).all()


def test_the_random_trunk_is_in_evaluation_mode_whatever_its_labeler_is():
    labeler = Prototypes.build(context(), embedding="random_trunk")
    labeler.train()
    assert labeler.training
    assert not any(module.training for module in labeler.embedding.modules())


@pytest.mark.parametrize("options", [{"embedding": "imagenet"}, {"dims": 0}])
def test_an_embedding_that_does_not_exist_is_refused(options):
    with pytest.raises(ConfigError):
        Clusters.build(context(), **options)


# Clusters.


@pytest.mark.parametrize("embedding", ["pixels", "pca", "random_trunk"])
def test_clusters_find_separated_sub_classes(embedding):
    made = context()
    targets = Clusters.build(made, embedding=embedding)(batch_of(made))
    if embedding != "random_trunk":  # an untrained network may fold them together
        assert same_partition(targets.argmax(1), made.y["fine"])
    assert targets[~made.hierarchy.mask(made.y["main"])].eq(0).all()


def test_clusters_of_a_class_with_fewer_distinct_rows_than_psi():
    x = torch.tensor([[0.0], [0.0], [0.0], [1.0], [2.0], [7.0]], dtype=torch.float64)
    main = torch.tensor([0, 0, 0, 1, 1, 2])
    made = context(psi=(2, 5, 3, 2), x=x, main=main, fine=main)
    targets = Clusters.build(made)(batch_of(made))
    assert targets[:3].argmax(1).unique().tolist() == [0]
    assert sorted(targets[3:5].argmax(1).tolist()) == [2, 3]
    assert targets[5].argmax() == 7
    assert not targets.isnan().any()


def test_clusters_do_not_move_with_augmentation():
    made = context()
    labeler = Clusters.build(made)
    changed = Batch(made.x + 100, dict(made.y), made.rows)
    torch.testing.assert_close(labeler(changed), labeler(batch_of(made)))


# Prototypes.


def test_prototypes_are_their_formula():
    made = context()
    labeler = Prototypes.build(made, temperature=0.3)
    e, c = labeler.embedding(made.x), labeler.prototypes
    squared = torch.stack([torch.stack([(row - proto).square().sum() for proto in c]) for row in e])
    weights = (-squared / 0.3).exp() * labeler.owns[made.y["main"]]
    torch.testing.assert_close(labeler(batch_of(made)), weights / weights.sum(1, keepdim=True))


def test_prototypes_start_at_the_class_means_of_a_tenth_of_the_labels():
    made = context()
    whole = Prototypes.build(made, fraction=1.0)
    e = whole.embedding(made.x)
    for k in range(6):
        torch.testing.assert_close(whole.prototypes[k].detach(), e[made.y["fine"] == k].mean(0))
    part = Prototypes.build(made)
    assert not part.prototypes.allclose(whole.prototypes)
    assert part(batch_of(made)).argmax(1).equal(made.y["fine"])


def test_the_hierarchy_of_prototypes_comes_from_the_data():
    made = context()
    labeler = Prototypes.build(made)
    assert labeler.owns.int().tolist() == [[1, 0, 0, 1, 0, 0], [0, 1, 1, 0, 1, 1]]
    assert labeler.hierarchy.sizes == (2, 4)


def test_prototypes_train_by_their_gradient():
    """Moved so as to give each row its finer label, they do: the gradient reaches and improves them."""
    made = context()
    labeler = Prototypes.build(made, temperature=1.0)
    with torch.no_grad():
        labeler.prototypes.add_(
            torch.randn(6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        )
    losses = []
    optimiser = torch.optim.Adam(labeler.parameters(), lr=0.05)
    for _ in range(60):
        chosen = labeler(batch_of(made)).gather(1, made.y["fine"].unsqueeze(1))
        losses.append(-chosen.clamp_min(1e-30).log().mean())
        optimiser.zero_grad()
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < 0.5 * losses[0]


def test_a_primary_class_without_finer_labels_gets_no_label():
    _, main, fine = blobs()
    made = context(fine=fine.masked_fill(main == 0, -1))
    targets = Prototypes.build(made)(batch_of(made))
    assert targets.isnan().any(1).equal(main == 0)


def test_stratified_takes_at_least_one_row_of_every_class():
    labels = torch.tensor([0] * 30 + [1] * 3 + [-1] * 5 + [3])
    chosen = stratified(labels, 0.1, torch.Generator().manual_seed(0))
    assert labels[chosen].bincount().tolist() == [3, 1, 0, 1]
    assert len(chosen.unique()) == 5


def test_class_means():
    found = class_means(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 2]), 3)
    assert found.tolist() == [[2.0], [0.0], [5.0]]


@pytest.mark.parametrize("options", [{"fraction": 0.0}, {"fraction": 1.5}, {"temperature": 0.0}])
def test_options_of_prototypes_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigError):
        Prototypes.build(context(), **options)
