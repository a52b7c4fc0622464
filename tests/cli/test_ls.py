import json

import pytest

from auxin import catalogue, cli
from auxin.cli._papers import paper_of
from auxin.paper import MAXL, Paper


def _ls(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(["ls", *arguments])
    return caught.value.code, capsys.readouterr()


def test_every_member_of_every_family_is_listed(capsys):
    code, captured = _ls(capsys, "--json")
    assert code == 0
    members = json.loads(captured.out)
    listed = {(m["family"], m["name"]) for m in members}
    assert listed == {(family, name) for family in catalogue.families() for name in catalogue.names(family)}
    assert len(listed) > 15
    assert all(m["summary"] for m in members)
    maxl = next(m for m in members if (m["family"], m["name"]) == ("labelers", "maxl"))
    assert maxl["paper"]["url"] == MAXL.url
    assert not maxl["plugin"]


def test_words_go_to_people_and_json_to_machines(capsys):
    _, plain = _ls(capsys)
    assert "maxl_frozen" in plain.out
    assert plain.err == ""
    _, machine = _ls(capsys, "--json")
    assert "maxl_frozen" in machine.err
    json.loads(machine.out)


def test_one_family_shows_its_papers_in_full(capsys):
    code, captured = _ls(capsys, "labelers")
    assert code == 0
    assert MAXL.title in captured.out.replace("\n", " ") or MAXL.url in captured.out
    assert "combiners" not in captured.out


def test_an_unknown_family_is_refused_with_the_nearest_name(capsys):
    code, captured = _ls(capsys, "labeler")
    assert (code, captured.out) == (2, "")
    assert "'labelers'" in captured.err


def test_a_plugin_that_cannot_be_imported_is_listed_with_its_error(capsys, monkeypatch, tmp_path):
    (tmp_path / "labelers").mkdir()
    text = '"""Labels [from] the stars."""\nfrom auxin.paper import Paper\nraise SystemExit\n'
    text += 'class Stars:\n    paper = Paper("On stars", "Galilei", 1610, "https://example.org", "page 3")\n'
    (tmp_path / "labelers" / "stars.py").write_text(text)
    monkeypatch.setenv(catalogue.PLUGINS, str(tmp_path))
    code, captured = _ls(capsys, "labelers")
    assert code == 0
    assert "stars (plugin)" in captured.out
    assert "Labels [from] the stars." in captured.out
    assert "cannot be used: SystemExit" in " ".join(captured.out.split())
    assert "Galilei 1610, page 3" in captured.out


@pytest.mark.parametrize("content", [b"def (:", b"\xff\xfe", b"\x00", b"(" * 3000])
def test_a_plugin_that_cannot_be_read_is_listed_with_its_error(content, capsys, monkeypatch, tmp_path):
    for family in ("labelers", "recipes"):
        (tmp_path / family).mkdir()
    (tmp_path / "labelers" / "stars.py").write_bytes(content)
    (tmp_path / "recipes" / "moon.toml").write_bytes(content)
    monkeypatch.setenv(catalogue.PLUGINS, str(tmp_path))
    for family in ("labelers", "recipes"):
        code, captured = _ls(capsys, family)
        assert code == 0
        assert "(cannot be read" in captured.out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class A:\n    paper = MAXL", MAXL),
        ("class A:\n    paper: ClassVar[Paper | None] = MAXL", MAXL),
        ("METHOD = Method(labeler='maxl', paper=MAXL)", MAXL),
        (
            "from dataclasses import replace\nclass A:\n    paper = replace(MAXL, place='equation 3')",
            "equation 3",
        ),
        ("OWN = Paper('T', 'A, B', 2020, url='u')\nclass A:\n    paper = OWN", Paper("T", "A, B", 2020, "u")),
        ("class A:\n    paper = None", None),
        ("class A:\n    paper: Paper | None", None),
        ("class A:\n    paper = Paper(1 + x)", None),
        ("class A:\n    paper = Paper('too few')", None),
        ("class A(", None),
        ("", None),
    ],
)
def test_papers_are_read_without_importing(tmp_path, text, expected):
    file = tmp_path / "member.py"
    file.write_text(text)
    found = paper_of(file)
    if isinstance(expected, str):
        assert found is not None
        assert (found.title, found.place) == (MAXL.title, expected)
    else:
        assert found == expected


def test_papers_read_from_files_are_those_of_the_members():
    families = [family for family in ("labelers", "combiners") if catalogue.names(family)]
    checked = 0
    for entry in [entry for family in families for entry in catalogue.entries(family)]:
        member = catalogue.load(entry.family, entry.name)
        if paper_of(entry.file) is not None:
            assert str(paper_of(entry.file)) == str(member.paper)
            checked += 1
    assert checked >= 4
