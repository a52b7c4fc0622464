import pytest
from fake_results import fake_runs, write_fake

from auxin.errors import RunError
from auxin.reports.read import read_results


def test_what_was_written_is_read_in_the_order_of_the_table(tmp_path):
    results = read_results(write_fake(tmp_path))
    assert results.comparison.rows[0].method == "single"
    assert len(results.runs) == 30
    assert [run.seed for run in results.of("maxl")] == [0, 1, 2, 3, 4]
    methods = list(dict.fromkeys(run.method for run in results.runs))
    assert methods == [row.method for row in results.comparison.rows]


def test_runs_that_chose_settings_are_left_out(tmp_path):
    write_fake(tmp_path)
    tuning = fake_runs(seeds=1)[0].model_copy(update={"phase": "tuning", "split_hash": "another"})
    folder = tmp_path / "runs" / "tuning" / "single" / "try-1" / "seed-0"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(tuning.model_dump_json())
    assert len(read_results(tmp_path).runs) == 30


def test_the_verdict_alone_can_be_read(tmp_path):
    write_fake(tmp_path)
    import shutil

    shutil.rmtree(tmp_path / "runs")
    assert read_results(tmp_path).runs == []


def test_a_folder_without_a_comparison_is_refused(tmp_path):
    with pytest.raises(RunError, match="no comparison in"):
        read_results(tmp_path / "nowhere")


def test_a_run_on_other_rows_than_were_compared_is_refused(tmp_path):
    runs = fake_runs(seeds=2, epochs=2)
    write_fake(tmp_path, runs)
    file = tmp_path / "runs" / "final" / "maxl" / "final" / "seed-1" / "result.json"
    file.write_text(file.read_text().replace(runs[1].split_hash, "f" * 64))
    with pytest.raises(RunError, match="splits differ"):
        read_results(tmp_path)
    for path in tmp_path.glob("runs/**/seed-1/result.json"):
        path.write_text(path.read_text().replace(runs[1].split_hash, "f" * 64))
    with pytest.raises(RunError, match="not the run that was compared"):
        read_results(tmp_path)


def test_a_corrupt_run_is_named(tmp_path):
    write_fake(tmp_path, fake_runs(seeds=2, epochs=2))
    file = tmp_path / "runs" / "final" / "maxl" / "final" / "seed-1" / "result.json"
    file.write_text(file.read_text()[:100])
    with pytest.raises(RunError, match="seed-1"):
        read_results(tmp_path)
