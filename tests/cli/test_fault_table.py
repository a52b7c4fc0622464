"""The table of docs/faults.md: every row is made to happen, and the page's words, exit code and files are compared."""

import errno
import json
import os
import re
import signal
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from filelock import FileLock
from PIL import Image

from auxin import interrupts
from auxin.folders import CONTENT, LOCK, MANIFEST, VERSION
from auxin.rules.file import save_rule
from auxin.update_rules.learned import Learned
from fault_scene import MANY, MODULE, QUICK, RECIPE, ROWS, RULE, Scene, flip, page, refused, row


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield Scene(tmp_path, monkeypatch)
    interrupts._pending = None
    for number, handler in handlers.items():
        signal.signal(number, handler)


@row("the process is killed (SIGKILL), or power fails", pytest.mark.slow)
def _killed(scene: Scene) -> int:
    process = scene.start("-m", "auxin", "compare", scene.table, "--target", "y", *MANY, "--jobs", "1")
    while not list(scene.out.rglob("checkpoint*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    code = 128 - process.wait()  # 137, as a shell says it
    assert list(scene.out.rglob("checkpoint*"))
    assert scene.call("compare", scene.table, "--target", "y", "--out", scene.out, *MANY, "--jobs", "1") == 0
    return code


@row("SIGTERM or SIGHUP (a cluster's time limit, a closed terminal)")
def _signal(scene: Scene) -> int:
    code = scene.stopped()
    assert list(scene.out.rglob("checkpoint*"))
    assert scene.compare() == 0
    return code


@row("the parent of worker processes dies", pytest.mark.slow)
def _parent(scene: Scene) -> int:
    more = ["--seeds", "2", "--jobs", "2"]
    process = scene.start("-m", "auxin", "compare", scene.table, "--target", "y", *MANY, *more)
    parent = psutil.Process(process.pid)
    while len(parent.children(recursive=True)) < 4:  # resource tracker, fork server, two workers
        assert process.poll() is None
        time.sleep(0.01)
    family = parent.children(recursive=True)
    process.kill()
    process.wait()
    left = psutil.wait_procs(family, timeout=120)[1]
    assert not [p for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    return 137


@row("a worker process dies (memory)")
def _worker(scene: Scene) -> int:
    from auxin.runs.executors import processes

    class Pool(processes.ProcessPoolExecutor):
        def submit(self, *_: object, **__: object):
            return super().submit(os._exit, 1)

    scene.patch.setattr(processes, "ProcessPoolExecutor", Pool)
    return scene.compare("--jobs", "2", "--seeds", "2")


@row("rows or labels of the data changed since")
def _rows(scene: Scene) -> int:
    assert scene.compare() == 0
    scene.table.write_text(scene.table.read_text().replace("p\n", "q\n", 1))
    return scene.unchanged(*scene.comparing)


@row("data of a recipe changed since")
def _recipe(scene: Scene) -> int:
    scene.plugin(RECIPE, "recipes")
    (scene.folder / "wine").mkdir()
    words = ("reproduce", "broken", "--root", scene.folder, "--out", scene.out)
    for content in ("1", "2"):
        (scene.folder / "wine" / "a.csv").write_text(content)
        code = scene.call(*words)
    return code


@row("another rule file of the same name")
def _rule(scene: Scene) -> int:
    for folder in ("a", "b"):
        (scene.folder / folder).mkdir()
        save_rule(Learned.preset("small"), scene.folder / folder / "r.safetensors")
    size = (
        "digits",
        "--quick",
        "--nets",
        1,
        "--steps",
        "0,1",
        "--hidden",
        "8",
        "--jobs",
        1,
        "--out",
        scene.out,
    )
    assert scene.call("rule", "evaluate", scene.folder / "a" / "r.safetensors", *size) == 0
    return scene.unchanged("rule", "evaluate", scene.folder / "b" / "r.safetensors", *size)


@row("other options with the same --out")
def _options(scene: Scene) -> int:
    assert scene.fit() == 0
    return scene.unchanged(*scene.fitting, "--labels-per-class", "5")


@row("auxin is of another version than the results")
def _version(scene: Scene) -> int:
    assert scene.fit() == 0
    scene.patch.setattr("auxin.folders._version", lambda: "9.9.9")
    return scene.unchanged(*scene.fitting)


@row("a plugin, or a module of one's own, changed since")
def _code(scene: Scene) -> int:
    (scene.folder / "a_module_of_mine.py").write_text(MODULE)
    scene.patch.syspath_prepend(scene.folder)
    own = [*scene.fitting, "--model", "a_module_of_mine:trunk"]
    assert scene.call(*own) == 0
    (scene.folder / "a_module_of_mine.py").write_text(MODULE + "# changed\n")
    return scene.unchanged(*own)


@row("a second command on the same folder")
def _second(scene: Scene) -> int:
    scene.out.mkdir()
    with FileLock(scene.out / LOCK):
        return scene.fit()


@row("a folder of results of auxin 0.1")
def _former(scene: Scene) -> int:
    assert scene.fit() == 0
    manifest = json.loads((scene.out / MANIFEST).read_text())
    del manifest[CONTENT], manifest[VERSION]
    (scene.out / MANIFEST).write_text(json.dumps(manifest))
    return scene.unchanged(*scene.fitting)


@row("a checkpoint is damaged (flipped bits, cut short)")
def _checkpoint(scene: Scene) -> int:
    assert scene.stopped() == 143
    [file] = scene.out.rglob("checkpoint*")
    flip(file)
    with pytest.warns(UserWarning, match="damaged") as told:
        code = scene.compare()
    print(*(str(one.message) for one in told))
    assert file.with_name(file.name + ".damaged").exists()
    return code


@row("a saved network, rule or labels file is damaged")
def _tensors(scene: Scene) -> int:
    save_rule(Learned.preset("small"), scene.folder / "r.safetensors")
    flip(scene.folder / "r.safetensors")
    return scene.call("rule", "apply", scene.folder / "r.safetensors", "digits", "--out", scene.out)


@row("a model with weights that are not finite, a spread of 0, a temperature of 0 or below")
def _numbers(scene: Scene) -> int:
    assert scene.fit() == 0
    scene.card(lambda card: card.update(temperature=0.0))
    return scene.predict()


@row("the disk is full")
def _full(scene: Scene) -> int:
    assert scene.fit() == 0
    assert scene.predict() == 0
    before = (scene.folder / "p.csv").read_bytes()
    scene.patch.setattr("auxin.store.os.fsync", refused(errno.ENOSPC))
    code = scene.predict()
    assert (scene.folder / "p.csv").read_bytes() == before
    return code


@row("the folder of --out is read-only")
def _read_only(scene: Scene) -> int:
    scene.patch.setattr("auxin.store.tempfile.mkstemp", refused(errno.EROFS))
    return scene.fit()


@row("a model's trunk is made by a module outside auxin")
def _trunk(scene: Scene) -> int:
    assert scene.fit() == 0
    (scene.folder / "mine.py").write_text(f"open({str(scene.folder / 'run')!r}, 'w')\n")
    scene.patch.syspath_prepend(scene.folder)
    scene.card(lambda card: card["trunk"].update(name="mine:trunk"))
    code = scene.predict()
    assert not (scene.folder / "run").exists()
    return code


@row("a file of a model folder was changed or mixed up")
def _mixed(scene: Scene) -> int:
    assert scene.fit() == 0
    flip(scene.out / "weights.safetensors", -3)
    return scene.predict()


@row("the parts of a model do not fit together, though their checksums are right")
def _parts(scene: Scene) -> int:
    assert scene.fit() == 0
    scene.card(lambda card: card["trunk"]["options"].update(hidden=7))
    return scene.predict()


@row("a setting is misspelt or does not exist")
def _misspelt(scene: Scene) -> int:
    code = scene.call(*scene.fitting, "--set", "stepz=3")
    assert not scene.out.exists()
    return code


@row("a setting is out of bounds (`steps=-5`, `steps=1e400`, `lr=nan`)")
def _bounds(scene: Scene) -> int:
    return scene.call(*scene.fitting, "--set", "steps=1e400")


@row(
    "an .npz file claims a huge shape, has an encrypted member, an unknown compression, or a member that is no array"
)
def _npz(scene: Scene) -> int:
    np.savez(scene.folder / "a.npz", x=np.zeros((9, 2)), y=np.arange(9) % 2)
    with zipfile.ZipFile(scene.folder / "a.npz", "a") as archive:
        archive.writestr("notes.txt", "hello")
    return scene.call("compare", scene.folder / "a.npz", "--target", "y")


@row("a short ARFF row, binary targets in Parquet")
def _arff(scene: Scene) -> int:
    head = "@relation r\n@attribute a numeric\n@attribute y {p,q}\n@data\n"
    (scene.folder / "t.arff").write_text(head + "1,p\n2,q\n" * 30 + "3\n")
    return scene.call("compare", scene.folder / "t.arff", "--target", "y")


@row("an image of more than 100 million pixels")
def _pixels(scene: Scene) -> int:
    for name in "pq":
        (scene.folder / "images" / name).mkdir(parents=True)
        Image.new("1", (20_000, 6_000)).save(scene.folder / "images" / name / "a.png")
    return scene.call("compare", scene.folder / "images")


@row("a table of images names a file outside its folder")
def _outside(scene: Scene) -> int:
    Image.new("L", (8, 8)).save(scene.folder / "a.png")
    (scene.folder / "in").mkdir()
    pd.DataFrame({"image": ["../a.png"] * 20, "y": ["p", "q"] * 10}).to_csv(scene.folder / "in" / "t.csv")
    return scene.call("compare", scene.folder / "in" / "t.csv", "--image", "image", "--target", "y")


@row("an unknown encoding")
def _encoding(scene: Scene) -> int:
    return scene.call(*scene.fitting, "--encoding", "utf-9")


@row("a constant target, one class, rows that are all equal")
def _constant(scene: Scene) -> int:
    scene.table.write_text("a,y\n" + "".join(f"{k},p\n" for k in range(60)))
    return scene.fit()


@row("names of thousands of characters, null characters")
def _long(scene: Scene) -> int:
    return scene.call("report", "x" * 5000)


@row("a result file or manifest holds something else (`[]`)")
def _other(scene: Scene) -> int:
    scene.out.mkdir()
    (scene.out / "comparison.json").write_text("[]")
    return scene.call("report", scene.out)


@row("a plugin cannot be read")
def _unread(scene: Scene) -> int:
    scene.plugin("def (")
    return scene.call("ls", "methods")


@row("a plugin cannot be imported")
def _unimported(scene: Scene) -> int:
    scene.plugin("1 / 0")
    return scene.call("compare", scene.table, "--target", "y", "--methods", "broken", *QUICK[2:])


@row("`--out` names the folder of another verb")
def _verbs(scene: Scene) -> int:
    assert scene.fit() == 0
    for words in (("apply", "small", "digits"), ("evaluate", "small", "digits", "--quick", "--nets", 1)):
        assert scene.unchanged("rule", *words, "--out", scene.out) == 2
    return scene.unchanged(*RULE, "--out", scene.out)


@row("ranks of `torchrun` were killed at different updates of `rule train`", pytest.mark.slow)
def _ranks(scene: Scene) -> int:
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "auxin")
    words = [*torchrun, *RULE[:3], "--updates", "12", "--tasks", "2"]
    process = scene.start(*words)
    while len(list(scene.out.glob("checkpoint*former.pt"))) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    ranks = psutil.Process(process.pid).children(recursive=True)
    for rank in [*ranks, psutil.Process(process.pid)]:
        rank.kill()
    process.wait()
    ended = scene.start(*words)
    ended.wait(timeout=300)
    assert (scene.out / "rule.safetensors").exists()
    return ended.returncode


def test_the_page_and_the_rows_are_the_same_faults() -> None:
    assert set(page()) == set(ROWS)


@pytest.mark.parametrize("fault", [pytest.param(fault, marks=marks) for fault, (_, marks) in ROWS.items()])
def test_a_row_is_true(fault: str, scene: Scene, capsys: pytest.CaptureFixture) -> None:
    seen, code, _ = page()[fault]
    assert ROWS[fault][0](scene) == int(code.split(",")[0])
    captured = capsys.readouterr()
    said = " ".join((captured.out + captured.err).split())
    for quoted in re.findall(r'"([^"]+)"', seen):
        words = re.sub(r"\b(?:DIR|FILE|NAME)\b", ".+", re.escape(quoted))
        assert re.search(words, said), said[-1500:]
    assert "bug in auxin" not in said
