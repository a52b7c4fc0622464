"""Features against their peers and against what they must find."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA as PeerPCA

from auxin.errors import ConfigError, DataError
from auxin.features import _encoder
from auxin.features.autoencoder import Autoencoder
from auxin.features.kmeans import KMeans
from auxin.features.pca import PCA
from auxin.features.random import RandomFeatures
from auxin.features.vae import VAE


def rows(count=200, width=8, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=g) @ torch.randn(width, width, generator=g)


@pytest.mark.parametrize("whiten", [False, True])
def test_pca_equals_scikit_learn(whiten):
    x = rows().double()
    ours = PCA(3, whiten=whiten).fit(x).transform(x).abs().numpy()
    peer = np.abs(PeerPCA(3, whiten=whiten).fit_transform(x.numpy()))
    np.testing.assert_allclose(ours, peer * (np.sqrt(200 / 199) if whiten else 1), rtol=1e-8)


def test_pca_refuses_more_components_than_columns():
    with pytest.raises(DataError, match="components"):
        PCA(9).fit(rows())


def test_kmeans_features_name_the_cluster():
    centres = 5 * torch.eye(4)
    x = centres[torch.arange(80) % 4] + 0.1 * rows(80, 4)
    found = KMeans(4).fit(x).transform(x).argmax(1)
    assert len({tuple(found[k::4].tolist()) for k in range(4)}) == 4
    assert all(len(set(found[k::4].tolist())) == 1 for k in range(4))
    assert (KMeans(4).fit(x).transform(x) >= 0).all()


def test_kmeans_refuses_more_centres_than_rows():
    with pytest.raises(DataError, match="distinct"):
        KMeans(3).fit(torch.ones(9, 2))


def test_random_features_are_standardised():
    x = rows()
    z = RandomFeatures(5, activation="linear").fit(x).transform(x)
    torch.testing.assert_close(z.std(0, correction=0), torch.ones(5), rtol=1e-3, atol=1e-3)
    with pytest.raises(ConfigError):
        RandomFeatures(5, activation="nonsense")


def test_autoencoder_reconstructs_better_than_the_mean():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(300, 3, generator=g) @ torch.randn(3, 10, generator=g)
    found = Autoencoder(6, hidden=(16,), epochs=40, rates=(1e-2,)).fit(x)
    assert found.loss < 0.3 * float(x.var())


def test_vae_code_is_near_the_prior():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(300, 2, generator=g) @ torch.randn(2, 10, generator=g)
    code = VAE(2, hidden=(16,), epochs=150, rates=(1e-2,), patience=30).fit(x).transform(x)
    assert 0.6 < float(code.std()) < 1.4


def test_the_better_rate_alone_goes_on_after_a_fifth_of_the_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.rand(200, 8, generator=torch.Generator().manual_seed(0))
    passes: list[float] = []
    one = _encoder._RateTrial._pass

    def counted(self: _encoder._RateTrial) -> None:
        passes.append(self.optimiser.param_groups[0]["lr"])
        one(self)

    monkeypatch.setattr(_encoder._RateTrial, "_pass", counted)
    both = Autoencoder(3, hidden=(6,), epochs=10, rates=(1e-5, 1e-2), patience=11).fit(x)
    assert passes == [1e-5] * 2 + [1e-2] * 10
    alone = Autoencoder(3, hidden=(6,), epochs=10, rates=(1e-2,), patience=11).fit(x)
    assert both.loss == alone.loss
    assert torch.equal(both.transform(x), alone.transform(x))
