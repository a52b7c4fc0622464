"""Names and paths: what `load` finds, and the nearest names where it does not."""

import pytest
from data_files import write_mnist, write_npz

from auxin import catalogue
from auxin.data import load
from auxin.data.reading.frame import read_frame
from auxin.data.reading.npz import read_npz
from auxin.errors import ConfigError, DataError


def test_by_name():
    assert len(load("digits")) == 1797
    assert load("digits", target=None).main == "digit"
    parity = load("digits", target="parity")
    assert parity.parents["digit"].tolist() == [0, 1] * 5


def test_by_path(tmp_path, monkeypatch):
    write_npz(tmp_path / "my.npz")
    assert load(tmp_path / "my.npz").name == "my"
    assert load("my.npz", root=tmp_path).name == "my"
    assert load("npz", root=tmp_path / "my.npz").name == "my"
    monkeypatch.chdir(tmp_path)
    assert load("my.npz").name == "my"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mnits", ["Unknown data set 'mnits'", "cifar10, cifar100, cinic10", "Did you mean 'mnist'"]),
        ("cifar-100", ["Did you mean 'cifar100'"]),
        ("table.xyz", ["table.xyz has an unsupported file type", "ending in one of:", ".npz", "'.xyz'"]),
    ],
)
def test_unknown(name, words):
    with pytest.raises(ConfigError) as error:
        load(name)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("read", [read_frame, read_npz])
def test_a_folder_is_not_said_to_be_missing(read, tmp_path):
    with pytest.raises(DataError, match="is a folder"):
        read(tmp_path)


def test_a_path_that_is_not_there():
    with pytest.raises(DataError, match=r"There is no file nowhere/my\.npz"):
        load("nowhere/my.npz")


def test_options_that_are_not_the_sets_own(tmp_path):
    with pytest.raises(ConfigError, match=r"digits has no option 'level'.*one of: target.*level='20:100'"):
        load("digits", level="20:100")
    with pytest.raises(ConfigError, match=r"target 'odd'.*'digit' or 'parity'"):
        load("digits", target="odd")
    write_mnist(tmp_path)
    with pytest.raises(ConfigError, match=r"download takes no value.*'yes'"):
        load("mnist", tmp_path, download="yes")


def test_a_new_file_is_a_new_data_set(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "tiny.py").write_text(
        '"""Two rows."""\n'
        "from auxin.data.digits import Digits\n"
        "from auxin.data import Dataset, DataSource\n"
        "class Tiny(DataSource):\n"
        "    '''Digits under another name.'''\n"
        "    @classmethod\n"
        "    def load(cls, root, **options):\n"
        "        return Digits.load(None)\n"
    )
    monkeypatch.setenv(catalogue.PLUGINS, str(tmp_path))
    assert "tiny" in catalogue.names("data")
    assert len(load("tiny")) == 1797
