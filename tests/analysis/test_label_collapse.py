"""The collapse measures by hand and against scikit-learn, and what they warn of."""

import math

import pytest
import torch
from sklearn.metrics import mutual_info_score, normalized_mutual_info_score

from auxin.analysis.label_collapse import agreement, measure, warnings
from auxin.errors import ConfigError
from auxin.math.hierarchy import Hierarchy
from auxin.math.masked_softmax import masked_softmax, one_hot_or_nan

PSI = Hierarchy((2, 4, 1))
NAN = [float("nan")] * 7


def h(*p):
    return -sum(v * math.log(v) for v in p if v > 0)


def drawn(n, scale=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    main = torch.randint(0, 3, (n,), generator=generator)
    return masked_softmax(torch.randn(n, 7, generator=generator) * scale, PSI.mask(main)), main


def one_hot(labels, classes):
    return one_hot_or_nan(torch.as_tensor(labels), classes, torch.float64)


def test_entropies_by_hand_with_unlabelled_rows_and_a_class_of_one():
    targets = torch.tensor(
        [
            [0.9, 0.1, 0, 0, 0, 0, 0],
            [0.1, 0.9, 0, 0, 0, 0, 0],
            [0, 0, 0.25, 0.25, 0.5, 0, 0],
            [0, 0, 0, 0, 0, 0, 1],
            NAN,
        ]
    )
    found = measure(targets, torch.tensor([0, 0, 1, 2, 1]), PSI)
    rows = [h(0.9, 0.1) / math.log(2), h(0.9, 0.1) / math.log(2), h(0.25, 0.25, 0.5) / math.log(4)]
    assert found["label_rows"] == 4
    assert found["label_entropy.sample"] == pytest.approx(sum(rows) / 3, abs=1e-6)
    assert found["label_entropy.mean"] == pytest.approx((1.0 + rows[2]) / 2, abs=1e-6)
    assert found["label_classes"] == 4
    assert "label_nmi" not in found


def test_rows_without_a_main_label_are_left_out():
    targets, main = drawn(30)
    whole = measure(targets[:20], main[:20], PSI)
    assert measure(targets, torch.cat([main[:20], torch.full((10,), -1)]), PSI) == whole


def test_no_entropy_where_no_class_has_several_auxiliary_classes():
    found = measure(torch.eye(2), torch.tensor([0, 1]), Hierarchy((1, 1)))
    assert found == {"label_rows": 2, "label_classes": 2}
    assert warnings(found) == []


def test_nothing_labelled():
    found = measure(torch.full((3, 7), float("nan")), torch.tensor([0, 1, -1]), PSI, torch.tensor([0, 1, 2]))
    assert found == {"label_rows": 0, "label_classes": 0, "label_information": 0.0}


def test_information_of_hard_labels_in_one_class_is_scikit_learns():
    generator = torch.Generator().manual_seed(1)
    a = torch.randint(0, 4, (200,), generator=generator)
    b = (a + torch.randint(0, 2, (200,), generator=generator)) % 5
    found = agreement(one_hot(a, 4), one_hot(b, 5), torch.zeros(200).long())
    assert found.information == pytest.approx(mutual_info_score(a, b), abs=1e-12)
    assert found.normalised == pytest.approx(normalized_mutual_info_score(a, b), abs=1e-12)


def test_information_is_within_the_primary_classes():
    """Labels that know the primary class and nothing else say nothing about sub-classes."""
    main = torch.tensor([0, 0, 1, 1] * 5)
    sub = torch.tensor([0, 1, 2, 3] * 5)
    blind = one_hot(main, 2)
    assert agreement(blind, one_hot(sub, 4), main).information == pytest.approx(0.0, abs=1e-12)
    knowing = agreement(one_hot(3 - sub, 4), one_hot(sub, 4), main)
    assert knowing.information == pytest.approx(math.log(2), abs=1e-12)
    assert knowing.normalised == pytest.approx(1.0)


def test_information_weighs_the_primary_classes_by_their_rows():
    main = torch.tensor([0, 0, 1, 1, 1, 1])
    a, b = torch.tensor([0, 1, 2, 2, 3, 3]), torch.tensor([0, 0, 0, 0, 1, 1])
    found = agreement(one_hot(a, 4), one_hot(b, 2), main)
    assert found.information == pytest.approx(4 / 6 * math.log(2), abs=1e-12)


def test_soft_labels_by_hand():
    soft = torch.tensor([[0.8, 0.2], [0.2, 0.8]], dtype=torch.float64)
    found = agreement(soft, one_hot([0, 1], 2), torch.zeros(2).long())
    assert found.information == pytest.approx(math.log(2) - h(0.8, 0.2), abs=1e-12)


def test_sub_classes_may_be_missing():
    targets, main = drawn(40, 30.0)
    sub = targets.argmax(1)
    sub[:10] = -1
    found = measure(targets, main, PSI, sub)
    assert agreement(targets, one_hot(sub, 7), main).rows == 30
    assert found["label_rows"] == 40
    assert found["label_nmi"] > 0.9
    assert found["label_information"] == agreement(targets, one_hot(sub, 7), main).information


def test_two_runs_agree_whatever_they_name_their_classes():
    targets, main = drawn(60, 1000.0)
    renamed = targets[:, [1, 0, 5, 4, 3, 2, 6]]
    assert agreement(targets, renamed, main).normalised == pytest.approx(1.0, abs=1e-3)
    other, _ = drawn(60, 1000.0, seed=9)
    other = torch.where(PSI.mask(main), torch.rand(60, 7, generator=torch.Generator().manual_seed(2)), 0)
    assert agreement(targets, other / other.sum(1, keepdim=True), main).normalised < 0.3


def test_uniform_labels_are_warned_of():
    targets, main = drawn(50, 0.0)
    (warning,) = warnings(measure(targets, main, PSI))
    assert "uniform labels teach nothing" in warning


def test_collapsed_labels_are_warned_of():
    main = torch.tensor([0, 1] * 10)
    targets = one_hot([0, 2] * 10, 7)
    (warning,) = warnings(measure(targets, main, PSI))
    assert "collapsed" in warning


def test_one_hot_labels_are_warned_of_only_where_they_are_learned():
    main, targets = torch.tensor([0, 0, 1, 1]), one_hot([0, 1, 2, 3], 7)
    (warning,) = warnings(measure(targets, main, PSI))
    assert "one-hot" in warning
    assert warnings(measure(targets, main, PSI), learned=False) == []


def test_healthy_labels_are_not_warned_of():
    targets, main = drawn(200, 1.5)
    assert warnings(measure(targets, main, PSI)) == []


def test_a_shared_softmax_is_measured_against_all_classes():
    found = measure(torch.full((4, 7), 1 / 7), torch.tensor([0, 1, 2, 0]), PSI)
    assert found["label_entropy.sample"] == pytest.approx(1.0)
    assert found["label_entropy.mean"] == pytest.approx(1.0)


def test_lengths_must_match():
    with pytest.raises(ConfigError, match="same rows"):
        measure(torch.eye(2), torch.tensor([0]), Hierarchy((2,)))
