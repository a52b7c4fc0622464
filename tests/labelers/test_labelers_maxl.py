"""MAXL's generator: its options, its regularisers, its initialisation, its batch statistics."""

import pytest
import torch
from torch import nn

from auxin import catalogue
from auxin.errors import ConfigError, DataError, RunError
from auxin.labelers.base import LabelerContext
from auxin.labelers.maxl import Maxl
from auxin.math.hierarchy import Hierarchy
from auxin.math.label_entropy import batch_entropy, class_entropy
from auxin.typing import Batch

PSI = Hierarchy((2, 3))


class Trunk(nn.Module):
    width = 16
    head_width = 0

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU())
        self.out = nn.Linear(16 * 4, 16)

    def forward(self, x):
        return self.out(self.layers(x).reshape(len(x), -1))  # which refuses a batch of none


class TwoLayerTrunk(Trunk):
    head_width = 8


def context(trunk=Trunk, seed=0, psi=PSI):
    x = torch.randn(10, 1, 4, 4, generator=torch.Generator().manual_seed(5))
    main = torch.tensor([0, 1, -1, 1, 0, 0, 1, -1, 1, 0])
    return LabelerContext("main", psi, x, {"main": main}, torch.arange(10), trunk, seed)


def batch_of(made):
    return Batch(made.x, dict(made.y), made.rows)


def test_the_head_is_one_layer_or_two_as_the_trunk_asks():
    one, two = Maxl.build(context()).generator.head, Maxl.build(context(TwoLayerTrunk)).generator.head
    assert isinstance(one, nn.Linear)
    assert (one.in_features, one.out_features) == (16, 5)
    assert [(m.in_features, m.out_features) for m in two if isinstance(m, nn.Linear)] == [(16, 8), (8, 5)]


def test_xavier_initialisation():
    labeler = Maxl.build(context())
    conv, out = labeler.generator.trunk.layers[0], labeler.generator.trunk.out
    assert conv.bias.eq(0).all()
    assert out.bias.eq(0).all()
    assert out.weight.std().item() == pytest.approx((2 / (64 + 16)) ** 0.5, rel=0.1)
    assert Maxl.build(context(), init="default").generator.trunk.out.bias.ne(0).any()


def test_its_weights_are_its_own_even_where_the_trunk_comes_with_a_fixed_seed():
    def fixed():
        torch.manual_seed(0)
        return Trunk()

    plain = fixed().out.weight
    assert Maxl.build(context(fixed), init="trunk").generator.trunk.out.weight.equal(plain)
    for init in ("default", "xavier"):
        first, second = (Maxl.build(context(fixed, seed), init=init) for seed in (0, 1))
        assert not first.generator.trunk.out.weight.allclose(plain)
        assert not first.generator.trunk.out.weight.allclose(second.generator.trunk.out.weight)


def test_batch_statistics_are_those_of_the_labelled_rows():
    """Against the network applied by hand to the labelled rows alone, normalised by hand."""
    made = context()
    labeler = Maxl.build(made).double()
    generator, kept = labeler.generator, made.y["main"] >= 0
    x = made.x.double()
    h = generator.trunk.layers[0](x[kept])
    h = (h - h.mean((0, 2, 3), keepdim=True)) / (h.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    logits = generator.head(generator.trunk.out(h.relu().flatten(1)))
    expected = logits.masked_fill(~PSI.mask(made.y["main"][kept]), -torch.inf).softmax(1)
    found = labeler(Batch(x, dict(made.y), made.rows))
    torch.testing.assert_close(found[kept], expected, rtol=1e-12, atol=1e-14)
    assert not any("running" in key for key in labeler.state_dict())


def test_shared_softmax_labels_every_row_with_any_class():
    made = context()
    targets = Maxl.build(made, softmax="shared")(batch_of(made)).detach()
    assert targets.gt(0).all()
    torch.testing.assert_close(targets.sum(1), torch.ones(10))


def test_hard_labels_are_one_hot_and_still_trainable():
    made = context()
    labeler = Maxl.build(made, hard=True)
    targets = labeler(batch_of(made))
    kept = made.y["main"] >= 0
    assert targets[kept].eq(1).sum(1).eq(1).all()
    weights = torch.arange(5.0)
    (targets[kept] * weights).sum().backward()
    assert labeler.generator.head.weight.grad.norm() > 0


def test_temperature_flattens():
    made = context()
    sharp, flat = (Maxl.build(made, temperature=t)(batch_of(made)).nan_to_num().max() for t in (0.1, 100.0))
    assert sharp > 0.9
    assert flat < 0.55


@pytest.mark.parametrize(
    ("form", "expected"), [("batch", batch_entropy), ("class", lambda t: class_entropy(t, PSI))]
)
def test_the_regulariser_is_the_weighted_negative_entropy(form, expected):
    made = context()
    labeler = Maxl.build(made, entropy=0.3, entropy_form=form)
    targets = labeler(batch_of(made))
    found = labeler.regulariser(targets)
    assert found.item() == pytest.approx(0.3 * expected(targets).item(), rel=1e-6)
    assert found.item() < 0
    assert Maxl.build(made, entropy=0.0).regulariser(targets) is None


def test_descending_the_regulariser_evens_out_the_mean_label_of_the_network():
    made = context()
    labeler = Maxl.build(made, entropy=1.0, temperature=0.1)
    before = labeler.regulariser(labeler(batch_of(made))).item()
    optimiser = torch.optim.SGD(labeler.parameters(), lr=0.01)
    for _ in range(20):
        optimiser.zero_grad()
        labeler.regulariser(labeler(batch_of(made))).backward()
        optimiser.step()
    after = labeler.regulariser(labeler(batch_of(made))).item()
    assert after < before - 0.05


def test_penalties_are_the_norms_of_phi():
    made = context()
    plain = Maxl.build(made)
    flat = torch.cat([p.flatten() for p in plain.parameters()]).double()
    assert plain.penalty() is None
    l1 = Maxl.build(made, penalty="l1", penalty_weight=0.5).penalty()
    l2 = Maxl.build(made, penalty="l2", penalty_weight=0.5).penalty()
    assert l1.item() == pytest.approx(0.5 * flat.abs().sum().item(), rel=1e-5)
    assert l2.item() == pytest.approx(0.25 * flat.square().sum().item(), rel=1e-5)


def test_the_l2_penalty_is_weight_decay():
    labeler = Maxl.build(context(), penalty="l2", penalty_weight=5e-4)
    gradients = torch.autograd.grad(labeler.penalty(), list(labeler.parameters()))
    for gradient, parameter in zip(gradients, labeler.parameters(), strict=True):
        torch.testing.assert_close(gradient, 5e-4 * parameter)


def test_a_frozen_one_has_no_penalty_and_no_graph():
    made = context()
    labeler = Maxl.build(made, penalty="l1").requires_grad_(False)
    assert labeler.penalty() is None
    assert not labeler.regulariser(labeler(batch_of(made))).requires_grad


def test_a_generator_that_diverged_says_so():
    """A NaN target would pass for a missing label, and training would go on as if nothing had happened."""
    made = context()
    labeler = Maxl.build(made)
    with torch.no_grad():
        labeler.generator.head.weight[0, 0] = torch.nan
    with pytest.raises(RunError, match="diverged"):
        labeler(batch_of(made))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"softmax": "mask"}, "Did you mean 'masked'"),
        ({"entropy_form": "batches"}, "Did you mean 'batch'"),
        ({"penalty": "l3"}, "Unknown penalty"),
        ({"init": "he"}, "Unknown init"),
        ({"temperature": 0.0}, "temperature"),
        ({"softmax": "shared", "entropy_form": "class"}, "per-class entropy"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        Maxl.build(context(), **options)


def test_main_labels_outside_psi_are_refused():
    with pytest.raises(DataError, match="psi does not fit"):
        Maxl.build(context(psi=Hierarchy((4,))))


def test_a_batch_without_the_main_task_has_no_labels_and_a_zero_gradient():
    made = context()
    labeler = Maxl.build(made)
    targets = labeler(Batch(made.x, {}, made.rows))
    assert targets.isnan().all()
    gradients = torch.autograd.grad(labeler.regulariser(targets), list(labeler.parameters()))
    assert all(g.eq(0).all() for g in gradients)


def test_a_labeler_added_as_a_plugin_file_is_listed_and_loaded(tmp_path, monkeypatch):
    folder = tmp_path / "labelers"
    folder.mkdir()
    (folder / "first_class.py").write_text(
        '"""The first auxiliary class of each primary class."""\n'
        "import torch\n"
        "from auxin.labelers.base import Labeler\n"
        "from auxin.math.masked_softmax import masked_softmax\n"
        "class FirstClass(Labeler):\n"
        "    def __init__(self, context):\n"
        "        super().__init__()\n"
        "        self.hierarchy, self.main = context.hierarchy, context.main\n"
        "        self.classes = context.hierarchy.classes\n"
        "    @classmethod\n"
        "    def build(cls, context):\n"
        "        return cls(context)\n"
        "    def forward(self, batch):\n"
        "        mask = self.hierarchy.mask(batch.y[self.main])\n"
        "        return masked_softmax(-1e4 * torch.arange(self.classes).expand(mask.shape), mask)\n"
    )
    monkeypatch.setenv(catalogue.PLUGINS, str(tmp_path))
    assert "first_class" in catalogue.names("labelers")
    made = context()
    targets = catalogue.load("labelers", "first_class").build(made)(batch_of(made))
    assert targets.nansum(0).tolist() == [4, 0, 4, 0, 0]
