"""Two processes under torchrun: rows apart, gradients together, one of them writes."""

import json
import socket

import pytest
from small_runs import ENOUGH_TO_HOLD_BACK, ROOT, environment, python, write_reviews

from minilm_demo import evaluate, runs


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_reviews(tmp_path_factory.mktemp("rows"), ENOUGH_TO_HOLD_BACK)


@pytest.fixture(scope="module")
def launched(tiny_checkpoint, rows, tmp_path_factory):
    """What `two_processes.py` did: its places, what each process wrote down, and the finished launch."""
    places = [tmp_path_factory.mktemp("distributed") / "run", tmp_path_factory.mktemp("notes")]
    home = tmp_path_factory.mktemp("home-of-two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = ("-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", port)
    script = (ROOT / "tests" / "support" / "two_processes.py", tiny_checkpoint, rows, *places)
    done = python(*launcher, *script, env=environment(MINILM_HOME=str(home)), timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    return places[0], [json.loads((places[1] / f"{rank}.json").read_text()) for rank in (0, 1)], home, done


def test_there_are_two_processes_with_one_plan(launched):
    _, (first, second), *_ = launched
    assert first["processes"] == second["processes"] == 2
    assert first["steps"] == second["steps"] == 20
    assert first["status"] == second["status"] == "completed"


def test_every_row_is_read_by_one_process(launched):
    _, (first, second), *_ = launched
    assert len(first["batches"]) == len(second["batches"]) == 20
    assert all(len(batch) == 16 for note in (first, second) for batch in note["batches"])
    together = [left + right for left, right in zip(first["batches"], second["batches"], strict=True)]
    assert all(len(set(step)) == 32 for step in together)
    per_epoch = first["rows"] // 32
    assert per_epoch == 14
    epoch = [row for step in together[:per_epoch] for row in step]
    assert len(set(epoch)) == len(epoch) == per_epoch * 32
    assert first["seen"] == 20 * 32


def test_the_weights_stay_the_same_in_both(launched):
    _, (first, second), *_ = launched
    assert first["weights"] == second["weights"]
    assert first["losses"] != second["losses"]  # each its own rows


def test_the_first_process_alone_scores_and_writes(launched, rows):
    folder, (first, second), *_ = launched
    assert "Evaluated" in first["events"]
    assert "Saved" in first["events"]
    assert set(second["events"]) == {"Started", "Planned", "Stepped", "Finished"}
    assert second["seen"] is None
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint", "learned_rows.npy"]
    assert evaluate("sst2", str(folder), data=str(rows)).examples == {"validation": 20}


def test_a_student_is_the_same_in_both_and_written_once(launched):
    """Its value relation alone is learned, so queries and keys of the last layer stand still: in every process."""
    folder, (first, second), *_ = launched
    one, other = first["student"], second["student"]
    assert one["weights"] == other["weights"]
    assert len(one["losses"]) == len(other["losses"]) == 5
    assert one["losses"] != other["losses"]  # each its own texts
    assert {"Evaluated", "Saved"} <= set(one["events"])
    assert set(other["events"]) == {"Started", "Planned", "Stepped", "Finished"}
    assert (one["seen"], other["seen"]) == (5 * 2 * 16, None)
    assert [path.name for path in folder.with_name(f"{folder.name}-student").iterdir()] == ["checkpoint"]


def test_the_command_line_prints_one_document_and_writes_one_run(launched):
    *_, home, done = launched
    (line,) = done.stdout.splitlines()  # and the library printed nothing
    document = json.loads(line)
    (run,) = runs.list_runs(home / "runs")
    assert document["checkpoint"] == run.record.run_id
    assert run.status == "completed"
    assert run.events[0].processes == 2
    assert document["examples_seen"] == document["rows_seen"] == 2 * 2 * 32, "of both processes together"
    files = {"run.json", "events.jsonl", "checkpoint", "learned_rows.npy", "README.md"}
    assert {path.name for path in run.folder.iterdir()} == files
    assert "Traceback" not in done.stderr
