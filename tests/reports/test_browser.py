"""The page in a real browser: no complaint, no request, nothing wider than the window, on a desk and on a phone."""

import pytest
from browser import Browser, find
from fake_results import fake_comparison, fake_runs, write_fake
from test_evidence import leave

from auxin.reports.page import budget_page, write_page
from auxin.reports.read import read_results
from auxin.store import write_text
from auxin.studies.label_budget import assemble

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find() is None, reason="no Chromium here: install one, or name it in AUXIN_CHROMIUM"),
]

WIDE = """[...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.scroll') && !e.closest('svg') && e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = write_fake(tmp_path_factory.mktemp("runs"), fake_runs(seeds=3, epochs=5))
    for method in ("single", "maxl"):
        leave(folder, method, 0)
    results = read_results(folder)
    write_page(results, folder / "report.html")
    comparisons = {5: fake_comparison(results.runs), 10: fake_comparison(results.runs)}
    budget = assemble(comparisons, folders={}, command="auxin compare")
    write_text(folder / "budget.html", budget_page(budget, {5: results, 10: results}))
    return [folder / "report.html", folder / "budget.html"]


def test_pages_in_a_browser(pages, tmp_path):
    seen = set()
    with Browser(find()) as browser:
        for file in pages:
            for width in (1280, 390):
                for dark in (False, True):
                    browser.open(file, width=width, dark=dark)
                    browser.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
                    assert browser.complaints() == []
                    assert browser.requests() == [file.resolve().as_uri()]
                    assert browser.evaluate("document.documentElement.scrollWidth") <= width
                    assert browser.evaluate(WIDE) == []
                    assert browser.evaluate("[...document.images].every(i => i.naturalWidth > 0 && i.alt)")
                    seen.add(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
        browser.picture(tmp_path / "page.png")
    assert len(seen) == 2
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
