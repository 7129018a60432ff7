"""One JSON document for each result: the same question asked on the command line and over HTTP, and who draws what."""

import ast
import json
from functools import partial
from pathlib import Path

import pytest

from minilm_demo import runs
from minilm_demo.cli import main
from minilm_demo.jobs.configs import DistillConfig, TrainConfig
from minilm_demo.jobs.distilling import distill
from minilm_demo.jobs.finetuning import finetune
from minilm_demo.tasks import get_task

ROOT = Path(__file__).resolve().parents[1]
PAIR = ("A man is asleep.", "Nobody is awake.")
TIMES = ("milliseconds",)


@pytest.fixture
def command(capsys):
    """The JSON document of a command."""

    def document(*words) -> dict:
        assert main([*map(str, words), "--json"]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return document


def but(document: dict, *names: str) -> dict:
    """The document without these keys and without times, rounded: a batch of another size computes the same to 6
    digits."""
    return json.loads(
        json.dumps({name: value for name, value in document.items() if name not in (*names, *TIMES)}),
        parse_float=lambda text: pytest.approx(float(text), abs=1e-4),
    )


@pytest.mark.parametrize(
    ("skill", "texts", "endpoint"),
    [
        ("sentiment", ("A joy from start to end.",), "/predict_sentiment"),
        ("nli", PAIR, "/predict_nli"),
        ("paraphrase", ("How old is the sea?", "What age has the sea?"), "/predict_paraphrase"),
        ("qa", ("Who sleeps?", "A man sleeps on the bench."), "/answer_question"),
    ],
)
def test_an_answer(skill, texts, endpoint, client, command):
    asked = client.predict(*texts, api_name=endpoint)
    assert asked.keys() == command("predict", skill, *texts).keys()
    assert but(asked) == but(command("predict", skill, *texts))


def test_attention(client, command, tmp_path):
    words = ("attention", *PAIR, "--checkpoint", "nli", "--task", "nli", "--output", tmp_path / "trace.npz")
    asked, said = client.predict(*PAIR, "nli", api_name="/trace_attention"), command(*words)
    assert asked["prediction"].pop("milliseconds") and said["prediction"].pop("milliseconds")
    assert but(asked, "attentions") == but(said, "output")
    assert asked.keys() >= {"checkpoint", "tokens", "segment_ids", "shape", "attentions", "truncated"}


def test_targets(client, command, tmp_path):
    words = ("targets", *PAIR, "--teacher", "bundled", "--student", "nli", "--output", tmp_path / "targets.npz")
    asked, said = client.predict(*PAIR, api_name="/distillation_targets"), command(*words)
    assert but(asked, "relations", "badge") == but(said, "output", "badge")
    assert asked["badge"] == said["badge"]["title"], "over HTTP the title alone"
    losses = [relation["loss"] for relation in asked["relations"].values()]
    assert losses == pytest.approx([*asked["losses"].values()])


@pytest.mark.parametrize("job", ["finetune", "distill"])
def test_a_run(job, client, command, tiny_checkpoint):
    given = {"data": "sample"}
    if job == "finetune":
        config = TrainConfig(checkpoint=str(tiny_checkpoint), max_steps=1, eval_examples=4, **given)
        record = runs.create_run(job, get_task("sst2"), config)
        start = partial(finetune, "sst2", record.config)
    else:
        config = DistillConfig(teacher=str(tiny_checkpoint), layers=1, steps=2, batch_size=4, **given)
        record = runs.create_run(job, get_task("sst2"), config)
        start = partial(distill, record.config)
    *_, last = runs.record_events(record, start)
    assert last.status == "completed", last.message
    asked, said = client.predict(record.run_id, api_name="/run_status"), command("runs", "show", record.run_id)
    assert (Path(said["folder"]) / "checkpoint" / "origin.json").is_file(), "it goes with the weights"
    result, of_shell = asked.pop("result"), said.pop("result")
    assert asked.pop("status") == said.pop("status") == "completed" and asked["error"] is None
    assert said.keys() - asked.keys() == {"folder"} and of_shell.keys() - result.keys() == {"output_dir"}
    assert but(asked) == but(said, "folder"), "no folder of the server"
    assert but(result, "teacher") == but(of_shell, "teacher", "output_dir")
    assert result.get("teacher") == ("another model" if job == "distill" else None), "its name may be a key"
    assert (asked["step"], asked["steps"], asked["seconds_left"]) == (said["step"], result["steps"], None)
    (split, scores) = next(iter(asked["metrics"].items()))
    assert split == "validation" and scores == (result["metrics"][split] if job == "finetune" else result["losses"])
    assert not asked.keys() & {"sentence", "facts", "charts", "points", "progress"}, "data, not what the page draws"


# -- who may import whom -------------------------------------------------------------------------------------------

TABS = {
    "predict_tab": {"many_texts_panel", "importance_panel"},
    "finetune_tab": set(),
    "attention_tab": set(),
    "distillation_tab": {"distil_panel", "ablation_panel"},
}
PARTS = {part: tab for tab, parts in TABS.items() for part in parts}


def imported(file: Path) -> set[str]:
    """The last names of all modules that a file imports from, and the names that it takes from packages."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found |= {*(node.module or "").split("."), *(one.name for one in node.names)}
        elif isinstance(node, ast.Import):
            found |= {part for one in node.names for part in one.name.split(".")}
    return found


@pytest.mark.parametrize(
    "name", [*sorted(TABS), *sorted(PARTS), "api", "following", "handlers", "components", "choices"]
)
def test_no_tab_imports_a_tab_and_nothing_shared_imports_one(name):
    own = TABS.get(name, set())
    assert not imported(ROOT / "minilm_demo" / "ui" / f"{name}.py") & ({*TABS, *PARTS} - own)


def test_what_is_shown_first_is_made_without_the_page():
    for file in (*(ROOT / "assets").glob("make_*.py"), *(ROOT / "minilm_demo" / "serving").glob("*.py")):
        assert not imported(file) & {"gradio", "ui"}, file.name
