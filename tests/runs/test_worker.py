"""The process that trains: what it has imported, how fast it starts, how politely it runs."""

import json
import os
import signal

import pytest
from small_runs import environment, python, write_reviews

from minilm_demo import TASKS, TrainConfig, runs
from minilm_demo.runs import worker

# Like app.py: everything under the guard, because workers run the file again; Gradio in the server, not in them.
SERVER = """
import json, os, sys, time

def first_statement(pipe):
    pipe.send((os.getppid(), "torch" in sys.modules, "minilm_demo.runs.worker" in sys.modules))

def work_and_tell(folder, pipe):
    from minilm_demo.runs import worker
    worker.work(folder)
    pipe.send((sorted(name for name in sys.modules if name.partition(".")[0] == "gradio"), os.nice(0)))

if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    import multiprocessing
    import gradio
    from minilm_demo import TASKS, TrainConfig, runs

    runs.warm_up()
    context = runs.worker_context()

    def ask(target, *arguments):
        receive, send = context.Pipe(duplex=False)
        process = context.Process(target=target, args=[send if a == "pipe" else a for a in arguments], daemon=True)
        process.start()
        said = receive.recv()
        process.join()
        return said

    starts = [ask(first_statement, "pipe") for _ in range(3)]
    config = TrainConfig(checkpoint=sys.argv[2], data=sys.argv[3], max_steps=2, train_examples=16)
    record = runs.create_run("finetune", TASKS["sst2"], config)
    modules, niceness = ask(work_and_tell, record.config.output_dir, "pipe")
    status = runs.state(runs.run_folder(record.run_id)).status
    queue = runs.RunQueue()
    run_id = queue.start("finetune", TASKS["sst2"], config)
    while (run := queue.state(run_id)).status in ("queued", "starting", "running"):
        time.sleep(0.05)
    heavy = [name for name in ("minilm_demo.runs.worker", "accelerate", "peft", "torch") if name in sys.modules]
    told = {"queued": run.status, "heavy": heavy}
    told |= {"starts": starts, "pid": os.getpid()}
    told |= {"modules": modules, "niceness": niceness, "own": os.nice(0), "status": status}
    print(json.dumps(told | {"gradio": "gradio" in sys.modules}))
"""


@pytest.fixture(scope="module")
def told(tiny_checkpoint, tmp_path_factory):
    """What a server and its workers say, started in a folder that is not the repository's."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "server.py").write_text(SERVER, encoding="utf-8")
    rows = write_reviews(folder / "rows", 16)
    env = environment(MINILM_HOME=str(folder / "home"))
    env.pop("PYTHONPATH")
    root = environment()["PYTHONPATH"].split(":")[0]
    done = python("server.py", root, tiny_checkpoint, rows, cwd=folder, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_worker_has_no_gradio_though_its_server_has(told):
    assert told["gradio"] is True
    assert told["status"] == "completed"
    assert told["modules"] == []


def test_the_server_imports_nothing_of_what_its_workers_need(told):
    assert told["queued"] == "completed"
    assert told["heavy"] == []


def test_a_worker_is_forked_from_the_warm_server_with_its_imports_done(told):
    parents = {parent for parent, *_ in told["starts"]}
    assert len(parents) == 1 and parents != {told["pid"]}
    assert all(imported for _, *modules in told["starts"] for imported in modules)


def test_a_worker_gives_way_to_predictions(told):
    assert told["niceness"] == min(19, told["own"] + 10)


def test_a_worker_needs_no_priorities(tmp_path, monkeypatch):
    """Windows has no `os.nice`."""
    monkeypatch.delattr(os, "nice")
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    config = TrainConfig(data="/no/such/folder", output_dir=str(tmp_path / "run"))
    runs.create_run("finetune", TASKS["sst2"], config)
    worker.work(str(tmp_path / "run"))
    assert runs.state(tmp_path / "run").status == "failed"
