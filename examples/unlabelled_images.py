"""
Unlabelled images
=================

Images without a label teach the main task by consistency: the answer to a strongly changed view has to be
the answer to a weakly changed one. FixMatch stands beside single-task training and beside label spreading,
on the same rows.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.image
import matplotlib.pyplot as plt

FOLDER = Path(tempfile.mkdtemp())
STEPS = os.environ.get("AUXIN_EXAMPLE_STEPS", "")
METHODS = "single,label_spreading,fixmatch"


def auxin(*words: str) -> None:
    """Run a command of auxin's and show what it prints."""
    done = subprocess.run([sys.executable, "-m", "auxin", *words], cwd=FOLDER, capture_output=True, text=True)
    print("$ auxin", *words, "\n", done.stdout, done.stderr if done.returncode else "", sep=" ")


# %%
# Five seeds are the fewest for a claim. Each row of the table is the mean of a method's five runs.
# The verdict is corrected for the number of comparisons, so an interval just above zero may still be no
# evidence. The page of results has the same comparison with twenty seeds, where FixMatch helps.

length = ["--set", f"steps={STEPS}"] if STEPS else []
auxin("compare", "digits", "--methods", METHODS, "--seeds", "5", "--jobs", "1", *length, "--out", "digits")

# %%
# `auxin report` draws the figures, and writes a page that holds everything.

auxin("report", "digits")
picture = matplotlib.image.imread(sorted((FOLDER / "digits" / "figures").glob("*seed*.png"))[0])
plt.figure(figsize=(6, 4))
plt.imshow(picture)
_ = plt.axis("off")
