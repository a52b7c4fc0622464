"""The documentation site: Sphinx, MyST and Furo, strict, with no request to another host.

Build it with:

    python -m sphinx -W --keep-going -b html docs site
"""

import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

import auxin  # noqa: E402

project = "auxin"
author = "The auxin authors"
version = release = auxin.__version__
html_title = "auxin"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "commands",
    "members",
    "repository_links",
]
exclude_patterns = ["_extensions", "tutorials/*.md5", "tutorials/GALLERY_HEADER.rst"]
suppress_warnings = ["config.cache"]

# Docstrings put names and formulas between single backticks.
default_role = "literal"
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Options", "params_style"), "Departures", "Formula", "Source", "Settings"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_static_path = ["_static"]
html_theme_options = {"sidebar_hide_name": False}
html_show_sphinx = False
html_show_copyright = False
html_css_files = ["site.css"]
html_favicon = "_static/icon.svg"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# A tutorial whose library is not installed is shown without its output.
NEEDS = {"lightning_module": "lightning", "hf_trainer": "accelerate"}
shown_only = "|".join(name for name, library in NEEDS.items() if find_spec(library) is None) or "nothing"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "tutorials",
    "filename_pattern": rf"[/\\](?!(?:{shown_only})\.py)[^/\\]*\.py$",
    "download_all_examples": False,
    "show_signature": False,
    "show_memory": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "within_subsection_order": "tutorial_order.TutorialOrder",
}
