"""The package's front: few names, all there, and nothing heavy imported until one is asked for."""

import subprocess
import sys

import pytest

import auxin


def test_few_public_names_and_all_are_there():
    assert 1 <= len(auxin.__all__) <= 12
    assert set(auxin.__all__) <= set(dir(auxin))
    for name in auxin.__all__:
        assert getattr(auxin, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        auxin.nonsense  # noqa: B018


def test_importing_the_package_or_listing_a_family_imports_nothing_heavy():
    code = (
        "import sys, auxin, auxin.catalogue as c; [c.entries(f) for f in c.families()]; "
        "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'sklearn', 'matplotlib', 'rich'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
