import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fake_results import SKILL, fake_comparison, fake_runs, guarded_runs, write_fake

import auxin
from auxin.reports._svg import inline
from auxin.reports.page import page, write_page
from auxin.reports.read import Results, read_results

VOID = {"meta", "link", "br", "img", "input", "hr"}


class _Reader(HTMLParser):
    """What a browser would fetch, which ids there are, what is referred to, and whether tags close."""

    def __init__(self):
        super().__init__()
        self.fetched, self.ids, self.used, self.open, self.texts = [], [], set(), [], []

    def handle_starttag(self, tag, attributes):
        self._attributes(attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self._attributes(attributes)

    def _attributes(self, attributes):
        for name, value in attributes:
            text = value or ""
            self.ids += [text] if name == "id" else []
            self.used |= set(re.findall(r"url\(#([^)]+)\)", text))
            if name in ("src", "href", "xlink:href", "action", "data", "poster"):
                self.used |= {text[1:]} if text.startswith("#") else set()
                self.fetched += [] if text.startswith(("#", "data:")) else [text]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def _read(html):
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture
def words_alone(monkeypatch):
    """A page without figures, whose drawing takes most of the time."""
    monkeypatch.setattr("auxin.reports.page.figures", lambda results: {})


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    return page(read_results(write_fake(tmp_path_factory.mktemp("runs"))))


def test_the_page_is_whole_and_asks_the_network_for_nothing(html):
    reader = _read(html)
    assert reader.fetched == []
    assert "default-src 'none'" in html
    assert "<script" not in html
    assert not re.findall(r"https?://", html)
    assert "@import" not in html


def test_ids_are_unique_and_what_refers_to_them_finds_them(html):
    reader = _read(html)
    assert len(reader.ids) == len(set(reader.ids)) > 100
    assert reader.used <= set(reader.ids)
    assert len(reader.used) > 10


def test_the_page_says_what_the_comparison_says(html):
    comparison = fake_comparison()
    text = " ".join(_read(html).texts)
    assert comparison.sentence in text
    assert comparison.command in text
    for row in comparison.rows:
        assert row.method in text
        assert f"{100 * row.mean:.2f} ± {100 * row.standard_error:.2f}" in text
    for split_hash in comparison.split_hashes.values():
        assert split_hash in text
    for value in ("1,337", "2.13.0", "31,850", "a processor", "0.1.0"):
        assert value in text


def test_figures_follow_the_page_in_light_and_dark(html):
    assert html.count("<svg") == 8
    assert "prefers-color-scheme: dark" in html
    body = html[html.index("</style>") :]
    assert not re.findall(r"#[0-9a-f]{6}\b", body)
    named = set(re.findall(r"var\(--([\w-]+)\)", html))
    light, dark = html.split("@media (prefers-color-scheme: dark)")
    assert named <= set(re.findall(r"--([\w-]+):", light)) & set(re.findall(r"--([\w-]+):", dark))
    assert "DejaVu" not in html


def test_texts_from_result_files_are_never_markup(tmp_path):
    evil = "<script>alert('1')</script>"
    skill = {"single": 0.9, evil: 0.91}
    runs = [run.model_copy(update={"warnings": [evil]}) for run in fake_runs(seeds=2, epochs=2, skill=skill)]
    comparison = fake_comparison(runs, command=evil, notes=[evil], cuts=[evil], controls=[], twins={})
    html = page(Results(comparison, runs, tmp_path))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 5
    _read(html)


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_page_with_little_to_say(tmp_path, seeds):
    runs = fake_runs(seeds=seeds, epochs=1, skill={"single": 0.9}, labels=False)
    runs = [run.model_copy(update={"epochs": [], "settings": {}, "parameters": {}}) for run in runs]
    comparison = fake_comparison(
        runs, splits={}, command="", versions={}, hardware={}, tries=None, seconds=None
    )
    html = page(Results(comparison, [], tmp_path))
    _read(html)
    assert "Nothing was compared" in html
    assert "The generated labels" not in html


@pytest.mark.usefixtures("words_alone")
def test_settings_that_differ_stand_apart_from_those_that_do_not(tmp_path):
    runs = fake_runs(seeds=2, epochs=1)
    runs = [
        r.model_copy(update={"settings": {**r.settings, "lr": 0.03}}) if r.method == "maxl" else r
        for r in runs
    ]
    html = page(Results(fake_comparison(runs), runs, tmp_path))
    table, shared = html.split("Settings that all methods share")
    assert "where methods differ" in table
    assert '<th scope="row">lr</th>' in table
    assert "<dt>lr</dt>" not in shared
    assert "<dt>batch</dt><dd>25</dd>" in shared
    assert "<dt>augment</dt><dd>no</dd>" in shared


@pytest.mark.usefixtures("words_alone")
def test_what_validation_kept_is_on_the_page(tmp_path):
    write_fake(tmp_path, guarded_runs("single", "maxl", "maxl"))
    assert "maxl kept maxl in 2 of 3 seeds, single in 1." in page(read_results(tmp_path))


@pytest.mark.usefixtures("words_alone")
def test_an_interrupted_comparison_is_said_to_be_one(tmp_path):
    runs = fake_runs(seeds=2, epochs=1)
    html = page(Results(fake_comparison(runs, finished=False), runs, tmp_path))
    assert "was interrupted" in html


def test_the_page_is_written_whole(tmp_path):
    results = read_results(write_fake(tmp_path / "runs", fake_runs(seeds=2, epochs=2)))
    write_page(results, tmp_path / "deep" / "page.html")
    assert (tmp_path / "deep" / "page.html").read_text(encoding="utf-8").endswith("</html>")
    assert len(list((tmp_path / "deep").iterdir())) == 1


def test_an_svg_loses_its_own_size_style_and_colours():
    svg = b'<?xml version="1.0"?><svg width="9pt" viewBox="0 0 9 9" xmlns="x"><metadata>m</metadata><defs>'
    svg += b'<style type="text/css">*{a: b}</style></defs>'
    svg += b'<path id="p" clip-path="url(#q)" style="fill: #1a1a1b"/>'
    svg += b'<use xlink:href="#p" style="fill: #abcdef"/></svg>'
    expected = '<svg viewBox="0 0 9 9" role="img" aria-label="A &amp; B"><defs></defs>'
    expected += '<path id="n-p" clip-path="url(#n-q)" style="fill: var(--ink)"/>'
    expected += '<use href="#n-p" style="fill: #abcdef"/></svg>'
    assert str(inline(svg, "n", "A & B")) == expected


def test_reports_never_import_torch(tmp_path):
    write_fake(tmp_path, fake_runs(seeds=2, epochs=2, skill=dict(list(SKILL.items())[:2])))
    code = (
        "import sys, pathlib, auxin.reports.table\n"
        "from auxin.reports.read import read_results\n"
        "from auxin.reports.page import write_page\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "write_page(read_results(folder), folder / 'page.html')\n"
        "print('torch' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(auxin.__file__).parents[1])}
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["False", "False"]
