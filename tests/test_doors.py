"""Whichever way the program is entered, OpenMP is told to wait politely before torch reads it."""

import os
import socket

import pytest
from small_runs import environment, python

# A process imports this at its start. It writes down what torch would find, and ends there: torch is never loaded.
RECORDER = """
import os, sys

class Recorder:
    def find_spec(self, name, path=None, target=None):
        if name == "torch" and "torch.distributed.run" not in sys.orig_argv:
            with open(os.environ["RECORDED"], "a") as file:
                print(os.environ.get("OMP_WAIT_POLICY"), file=file)
            os._exit(0)

sys.meta_path.insert(0, Recorder())
"""
PREDICT = ("minilm_demo", "predict", "sentiment", "A joy from start to end.")
DOORS = {
    "package": ("-c", "import minilm_demo, torch"),
    "library": ("-c", "import minilm_demo; minilm_demo.predict('sst2', 'sentiment', {'sentence': 'A joy.'})"),
    "command line": ("-m", *PREDICT),
    "page": ("app.py",),
    "first example": ("examples/1_finetune.py", "1"),
    "second example": ("examples/2_predict.py", "sentiment", "A joy from start to end."),
    "third example": ("examples/3_attention.py",),
    "torchrun": ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "1", "-m", *PREDICT),
    "worker": ("-c", "import minilm_demo.runs.worker"),
    "fork server": ("-c", "from minilm_demo import runs; runs.warm_up()"),
}


def recorded(door: str, folder, **variables: str) -> set[str]:
    """What torch would have found in each process of a door that imports it."""
    (folder / "sitecustomize.py").write_text(RECORDER, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        variables["GRADIO_SERVER_PORT"] = str(free.getsockname()[1])
    env = environment(RECORDED=str(folder / "recorded"), **variables)
    env["PYTHONPATH"] = os.pathsep.join([str(folder), env["PYTHONPATH"]])
    if "OMP_WAIT_POLICY" not in variables:
        env.pop("OMP_WAIT_POLICY", None)
    python(*DOORS[door], env=env)
    return set((folder / "recorded").read_text(encoding="utf-8").split())


@pytest.mark.parametrize("door", DOORS)
def test_waiting_threads_sleep(door, tmp_path):
    assert recorded(door, tmp_path) == {"PASSIVE"}


def test_a_value_of_the_users_own_is_kept(tmp_path):
    assert recorded("command line", tmp_path, OMP_WAIT_POLICY="ACTIVE") == {"ACTIVE"}
