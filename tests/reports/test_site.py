"""The documentation site in a real browser: no complaint, no outside request, no overflow, a search that finds."""

import functools
import http.server
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from browser import Browser, find

ROOT = Path(__file__).parents[2]
WIDE = """[...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.highlight, .table-wrapper, .sidebar-drawer, .toc-drawer, svg, pre'))
  .filter(e => getComputedStyle(e.parentElement).overflowX !== 'auto')
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"""
"""What reaches out of the page; what scrolls in a box of its own may be wider."""

FOUND = "[...document.querySelectorAll('#search-results li a')].map(a => a.getAttribute('href'))"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find() is None, reason="no Chromium here: install one, or name it in AUXIN_CHROMIUM"),
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site and the address at which it is served."""
    pytest.importorskip("sphinx_gallery", reason="the site needs the extra docs")
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "-D", "plot_gallery=0", "-b", "html"]
    built = subprocess.run([*build, str(ROOT / "docs"), str(folder)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-2000:]
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_every_page_opens_on_a_desk_and_on_a_phone(site):
    folder, address = site
    pages = [page.relative_to(folder).as_posix() for page in sorted(folder.rglob("*.html"))]
    pages = [page for page in pages if not page.startswith("_static/") and page != "search.html"]
    assert len(pages) > 60
    with Browser(find()) as browser:
        for page in pages:
            for width in (1280, 400):
                browser.open(address + page, width=width)
                assert [url for url in browser.requests() if not url.startswith(address)] == [], page
                assert browser.complaints() == [], page
                assert browser.evaluate(WIDE) == [], (page, width)
                assert browser.evaluate("document.querySelectorAll('h1').length") == 1, page
                assert browser.evaluate("document.querySelector('article').innerText.length") > 200, page


@pytest.mark.parametrize(
    ("words", "page"),
    [("maxl", "methods/maxl.html"), ("label_spreading", "families/rivals.html"), ("nosuchword", None)],
)
def test_the_search_finds(site, words, page):
    _, address = site
    with Browser(find()) as browser:
        browser.open(f"{address}search.html?q={words}", width=1280)
        end = time.monotonic() + 20
        while "Search finished" not in (said := browser.evaluate("document.body.innerText")):
            if page is None and "did not match" in said:
                break
            assert time.monotonic() < end
        found = {link.split("#")[0].split("?")[0] for link in browser.evaluate(FOUND)}
    assert page in found if page else not found
