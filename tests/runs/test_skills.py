"""Skills: what is packed from a run, how it loads with and without this program, and what ships."""

import json
import re
from dataclasses import replace
from functools import partial

import peft
import pytest
import torch
import transformers
from training import write_reviews

from minilm_demo import TASKS, TrainConfig, finetune, models, runs
from minilm_demo.errors import DataError, DemoError, UnknownName
from minilm_demo.jobs.configs import METHODS
from minilm_demo.jobs.prediction import predict_rows
from minilm_demo.models import catalog, location
from minilm_demo.models.catalog import CATALOG, SKILLS_ROOT, skill_folder
from minilm_demo.models.loading import load_adapter, load_checkpoint
from minilm_demo.models.location import bundled_folder
from minilm_demo.results import Started
from minilm_demo.runs import cards, skills
from minilm_demo.tasks import SKILLS, skill_tasks, task_for_texts

SST2, MNLI, SQUAD = TASKS["sst2"], TASKS["mnli"], TASKS["squad_v2"]
SHIPPED = [(entry.name, task) for entry in CATALOG.values() if entry.is_skill for task in entry.tasks]
ROWS = [{"sentence": "A joy from start to end."}, {"sentence": "Dull, and far too long for what it is."}]


@pytest.fixture(scope="module")
def lora_run(tmp_path_factory):
    """A finished LoRA run on the bundled checkpoint, three updates long."""
    folder = tmp_path_factory.mktemp("lora")
    data = write_reviews(folder / "data", 24, validation=8)
    config = TrainConfig(
        data=str(data), max_steps=3, batch_size=8, method="lora", learning_rate=0.01, output_dir=str(folder / "run")
    )
    record = runs.create_run("finetune", SST2, config)
    *_, last = runs.record_events(record, partial(finetune, "sst2", record.config))
    assert last.status == "completed", last.message
    return folder / "run", data


@pytest.fixture(scope="module")
def packed(lora_run, tmp_path_factory):
    run, data = lora_run
    probes = tmp_path_factory.mktemp("probes") / "sentiment.jsonl"
    probes.write_text('{"task": "sst2", "sentence": "A joy.", "expected": "positive"}\n{"task": "mnli"}\n')
    return skills.pack("sentiment", run, str(data), output=tmp_path_factory.mktemp("skills"), probes=probes)


# -- packing -------------------------------------------------------------------------------------------------------


def test_a_packed_skill_answers_as_its_run_did(lora_run, packed):
    as_trained = load_checkpoint(str(lora_run[0]), SST2)
    as_packed = load_adapter("sentiment", packed, SST2)
    for before, after in zip(predict_rows(SST2, as_trained, ROWS), predict_rows(SST2, as_packed, ROWS), strict=True):
        assert after.probabilities == pytest.approx(before.probabilities, abs=2e-3)  # float16
    untrained = load_checkpoint("bundled", SST2, new_output_layer=True)
    assert predict_rows(SST2, untrained, ROWS)[0].probabilities["positive"] != pytest.approx(
        predict_rows(SST2, as_packed, ROWS)[0].probabilities["positive"], abs=1e-2
    )


def plain_probabilities(folder, labels: int, **texts) -> torch.Tensor:
    """As the card says: `transformers` and `peft` alone, only with the base's folder in place of its Hub name."""
    base = transformers.AutoModelForSequenceClassification.from_pretrained(bundled_folder(), num_labels=labels)
    model = peft.PeftModel.from_pretrained(base, folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(bundled_folder())
    with torch.inference_mode():
        return model(**tokenizer(*texts.values(), return_tensors="pt")).logits.softmax(-1)[0]


def test_a_packed_skill_loads_with_peft_alone(packed):
    ours = predict_rows(SST2, load_adapter("sentiment", packed, SST2), ROWS[:1])[0]
    plain = plain_probabilities(packed, 2, **ROWS[0])
    assert list(ours.probabilities.values()) == pytest.approx(plain.tolist(), abs=1e-3)


def test_the_record_and_the_card_say_what_was_measured(lora_run, packed):
    record = json.loads((packed / "skill.json").read_text())
    score = record["metrics"]["validation"]["accuracy"]
    assert (record["task"], record["no_answer_threshold"]) == ("sst2", None)
    assert record["probes"]["of"] == 1  # the other one is of another task
    card = (packed / "README.md").read_text()
    for words in (
        f"| validation | accuracy | {score:.3f} |",
        "python -m minilm_demo finetune sst2 --data DIR --max-steps 3 --batch-size 8 --learning-rate 0.01 "
        "--method lora --seed 0 --output RUN",
        "python -m minilm_demo skills train sentiment --data DIR",
        'peft.PeftModel.from_pretrained(base, "assets/skills/sentiment")',
        "Labels, in this order: negative, positive.",
        "no explicit licence stated",
        "irony",
    ):
        assert words in card, words
    assert str(lora_run[0].parent) not in card


def test_peft_is_told_no_folder_of_this_machine(lora_run, packed):
    for folder in (lora_run[0] / "adapter", packed):
        config = json.loads((folder / "adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == "sentence-transformers/all-MiniLM-L6-v2"


def test_the_command_of_a_card_names_extra_rows_below_the_data():
    config = TrainConfig(data="/data", extra_train=("/data/kin/snli", "/elsewhere/mine.csv"), method="lora")
    command = cards.finetune_shell_line(MNLI, config)
    assert "--extra-train DIR/kin/snli --extra-train DIR/mine.csv" in command
    assert "elsewhere" not in command


def test_a_recipe_may_begin_with_another_fine_tune(tmp_path, monkeypatch):
    """And that with another: each with the weights of the one before; the card tells all commands, and what the extra
    rows are."""
    short = {"method": "full", "max_steps": 1, "batch_size": 2, "train_examples": 4, "eval_examples": 2}
    (tmp_path / "kin").mkdir()
    extra = tmp_path / "kin" / "more.jsonl"
    extra.write_text('{"sentence": "fine", "label": 1}\n')
    for split in ("train", "validation"):
        rows = [json.dumps({"sentence": f"row {number}", "label": number % 2}) for number in range(8)]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(rows) + "\n")
    fields = {**short, "begins_with": {**short, "learning_rate": 0.001, "begins_with": short}}
    fields |= {"extra_train": {"kin/more.jsonl": "More of them, CC0"}, "note": "Said so."}
    monkeypatch.setattr(skills, "recipes", lambda: {"sentiment": {"tasks": {"sst2": fields}, "weak_at": "all."}})
    work, output = tmp_path / "work", tmp_path / "skills"
    events = list(skills.train_skill("sentiment", str(tmp_path), work, output=output))
    assert [one.checkpoint for one in events if isinstance(one, Started)] == ["bundled", "sst2-1", "sst2-2"]
    card = (output / "sentiment" / "README.md").read_text()
    commands = [line for line in card.splitlines() if line.startswith("python -m minilm_demo finetune")]
    assert commands[0].endswith("--output RUN-1") and "--extra-train" not in commands[0]
    assert "--checkpoint RUN-1" in commands[1] and commands[1].endswith("--output RUN-2")
    assert "--checkpoint RUN-2" in commands[2] and "--extra-train DIR/kin/more.jsonl" in commands[2]
    assert commands[2].endswith("--output RUN") and len(commands) == 3
    assert "; More of them, CC0. None of its rows" in card
    assert "Said so." in card and str(tmp_path) not in card


def test_only_fitting_runs_are_packed(lora_run, tmp_path):
    run, data = lora_run
    with pytest.raises(DemoError, match="The run is of sst2; the skill nli is made of mnli"):
        skills.pack("nli", run, str(data), output=tmp_path)
    with pytest.raises(UnknownName, match="Unknown skill 'moods'"):
        skills.pack("moods", run, str(data), output=tmp_path)
    assert not any(tmp_path.iterdir())


def test_what_is_wrong_is_said_before_the_skill_that_was_there_is_touched(lora_run, tmp_path):
    run, data = lora_run
    folder = skills.pack("sentiment", run, str(data), output=tmp_path)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    (tmp_path / "odd.jsonl").write_text("no JSON\n")
    for probes in ("none.jsonl", "odd.jsonl"):
        with pytest.raises(DataError, match=f"{probes} cannot be read"):
            skills.pack("sentiment", run, str(data), output=tmp_path, probes=tmp_path / probes)
    with pytest.raises(DemoError):
        skills.pack("sentiment", run, str(tmp_path / "nowhere"), output=tmp_path)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_rows_that_are_missing_are_missed_before_hours_of_training(tmp_path, monkeypatch):
    short = {"max_steps": 1, "batch_size": 2, "train_examples": 4, "eval_examples": 2}
    later = {**short, "extra_train": {"kin/none": "not there"}, "begins_with": short}
    monkeypatch.setattr(skills, "recipes", lambda: {"paraphrase": {"tasks": {"mrpc": short, "qqp": later}}})
    with pytest.raises(DemoError, match="none"):
        next(skills.train_skill("paraphrase", "sample", tmp_path / "work", output=tmp_path / "skills"))
    assert not (tmp_path / "work").exists()


def test_an_adapter_of_something_else_is_not_packed(lora_run, tmp_path, monkeypatch):
    """The adapter of a LoRA fine-tune that began with another one lacks what that one had learned."""
    run, data = lora_run
    state = runs.state(run)
    later = replace(state.record, config=replace(state.record.config, checkpoint="elsewhere"))
    monkeypatch.setattr(skills, "state", lambda run: replace(state, record=later))
    with pytest.raises(DemoError, match="began with elsewhere: its adapter holds what changed since then"):
        skills.pack("sentiment", run, str(data), output=tmp_path)


def test_one_command_trains_every_task_of_a_skill(lora_run, tmp_path, monkeypatch):
    """Two tasks, two adapters below the skill's folder, each with the settings of its recipe."""
    short = {"max_steps": 1, "batch_size": 2, "train_examples": 4, "eval_examples": 2}
    recipe = {"paraphrase": {"tasks": {"mrpc": short, "qqp": {**short, "learning_rate": 0.5}}, "weak_at": "all."}}
    monkeypatch.setattr(skills, "recipes", lambda: recipe)
    monkeypatch.setattr(skills, "evaluate", partial(skills.evaluate, limit=2))
    events = list(skills.train_skill("paraphrase", "sample", tmp_path / "work", seed=7, output=tmp_path / "skills"))
    started = [event for event in events if isinstance(event, Started)]
    assert [(one.task, one.seed, one.settings.learning_rate) for one in started] == [
        ("mrpc", 7, TASKS["mrpc"].learning_rate * METHODS["lora"]),
        ("qqp", 7, 0.5),
    ]
    for task in ("mrpc", "qqp"):
        folder = tmp_path / "skills" / "paraphrase" / task
        assert json.loads((folder / "skill.json").read_text())["task"] == task
        assert f'"assets/skills/paraphrase/{task}"' in (folder / "README.md").read_text()


def test_a_fine_tune_of_all_weights_is_packed_at_low_rank(lora_run, tmp_path):
    """What is packed answers as the run's own checkpoint does, but for what the low rank leaves out."""
    _, data = lora_run
    config = TrainConfig(data=str(data), max_steps=3, batch_size=8, output_dir=str(tmp_path / "run"))
    record = runs.create_run("finetune", SST2, config)
    list(runs.record_events(record, partial(finetune, "sst2", record.config)))
    folder = skills.pack("sentiment", tmp_path / "run", str(data), output=tmp_path / "skills")
    assert sum(file.stat().st_size for file in folder.iterdir()) < skills.MAX_BYTES
    assert "truncated singular value decomposition" in (folder / "README.md").read_text()
    answers = [
        predict_rows(SST2, checkpoint, ROWS)
        for checkpoint in (load_adapter("sentiment", folder, SST2), load_checkpoint(str(tmp_path / "run"), SST2))
    ]
    for packed, own in zip(*answers, strict=True):
        assert packed.probabilities == pytest.approx(own.probabilities, abs=0.01)


# -- as a checkpoint argument --------------------------------------------------------------------------------------


@pytest.fixture
def shipped(packed, monkeypatch):
    """The packed skill in place of the shipped one."""
    entry = models.CatalogEntry("sentiment", "", "Sentiment skill (shipped)", 0, "", ("sst2",), is_skill=True)
    for module in (catalog, location):
        monkeypatch.setattr(module, "SKILLS_ROOT", packed.parent)
    monkeypatch.setitem(CATALOG, "sentiment", entry)


def test_a_skill_is_a_checkpoint_argument(shipped):
    loaded = load_checkpoint("sentiment", SST2)
    assert loaded.model.config.id2label == {0: "negative", 1: "positive"}
    assert not loaded.new_output_layer and all(parameter.requires_grad for parameter in loaded.model.parameters())
    assert "Quora" in models.seen_by_base(models.locate("sentiment"), TASKS["qqp"])


def test_a_skill_is_asked_for_its_own_tasks_only(shipped):
    with pytest.raises(DemoError, match=r"The skill sentiment answers sst2, not mnli\. Fine-tune it first"):
        load_checkpoint("sentiment", MNLI)


@pytest.mark.parametrize("task", [MNLI, SQUAD, None], ids=lambda task: task.name if task else "encoder")
def test_a_fine_tune_of_another_task_starts_from_a_skills_encoder(shipped, task):
    skill = load_checkpoint("sentiment", SST2).model.base_model.state_dict()
    other = load_checkpoint("sentiment", task, new_output_layer=True)
    encoder = (other.model if task is None else other.model.base_model).state_dict()
    assert [name for name, value in encoder.items() if not torch.equal(value, skill[name])] == []
    assert other.new_output_layer == (task is not None)


# -- what ships ----------------------------------------------------------------------------------------------------


def test_every_recipe_is_a_configuration_of_tasks_the_skill_answers():
    for name, one in skills.recipes().items():
        assert set(one["tasks"]) <= set(SKILLS[name].tasks)
        for fields in one["tasks"].values():
            for stage in skills.stages(fields):
                skills.recipe_config(stage, data="sample")


@pytest.mark.parametrize(
    ("skill", "task"), [(skill, task) for skill, one in skills.recipes().items() for task in one["tasks"]]
)
def test_a_card_tells_the_commands_of_the_recipe(skill, task):
    card = (skill_folder(skill, task) / "README.md").read_text(encoding="utf-8")
    told = [line for line in card.splitlines() if line.startswith("python -m minilm_demo finetune")]
    stages = skills.stages(skills.recipe(skill)["tasks"][task])
    assert len(told) == len(stages)
    for line, fields in zip(told, stages, strict=True):
        seed = int(re.search(r"--seed (\d+)", line)[1])
        config = skills.recipe_config(fields, data="DIR", seed=seed)
        start = re.search(r"--checkpoint (RUN-\d)", line)
        output = line.split("--output ")[1]
        assert line == cards.finetune_shell_line(TASKS[task], config, start=start[1] if start else "", output=output)


@pytest.mark.parametrize(("skill", "task"), SHIPPED)
def test_a_shipped_skill_is_small_and_names_no_folder_of_a_machine(skill, task):
    assert sum(file.stat().st_size for file in (SKILLS_ROOT / skill).rglob("*")) <= skills.MAX_BYTES
    for name in ("README.md", "skill.json", "adapter_config.json"):
        text = (skill_folder(skill, task) / name).read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.])/(?:home|root|tmp|work|Users|mnt|var)/", text)
    assert json.loads(text)["base_model_name_or_path"] == models.BUNDLED_REPO


@pytest.mark.parametrize("skill", SKILLS.values(), ids=lambda skill: skill.name)
def test_the_presets_say_what_the_shipped_skill_gets_wrong(skill):
    """Also that the first one, which shows before anybody has clicked, is answered rightly."""
    right = []
    for preset in skill.presets:
        task = task_for_texts(skill_tasks(skill.name), preset.texts)
        expected = [preset.answer] * bool(preset.answer) if task.kind == "span" else preset.answer
        row = {"task": task.name, **dict(zip(task.text_fields, preset.texts, strict=True)), "expected": expected}
        right += skills.run_probes(load_checkpoint(skill.name, task), task, [row])
    assert [not preset.misleads for preset in skill.presets] == right
    assert right[0] and False in right


@pytest.mark.parametrize(("skill", "task"), [(skill, task) for skill, task in SHIPPED if task != "squad"])
def test_the_precomputed_first_answer_is_what_would_be_computed(skill, task):
    stored = skills.first_answer(skill, TASKS[task])
    fresh = skills.answer_first_preset(skill, TASKS[task], load_checkpoint(skill, TASKS[task]))
    assert (stored.task, stored.label, stored.answer) == (fresh.task, fresh.label, fresh.answer)
    assert stored.probabilities == (fresh.probabilities and pytest.approx(fresh.probabilities, abs=0.01))
    assert stored.no_answer_score == (fresh.no_answer_score and pytest.approx(fresh.no_answer_score, abs=0.1))


def test_first_answers_are_renewed_in_their_record(shipped, packed):
    before = json.loads((packed / "skill.json").read_text())
    (packed / "skill.json").write_text(json.dumps({**before, "first_answer": None}))
    assert skills.first_answer("sentiment", SST2) is None
    assert skills.renew_first_answer("sentiment", SST2) == packed / "skill.json"
    after = json.loads((packed / "skill.json").read_text())
    assert after["first_answer"]["probabilities"] == pytest.approx(before["first_answer"]["probabilities"], abs=1e-3)
    assert {**after, "first_answer": None} == {**before, "first_answer": None}


@pytest.mark.parametrize(("skill", "task"), [pair for pair in SHIPPED if TASKS[pair[1]].labels])
def test_a_shipped_skill_loads_with_peft_alone(skill, task):
    row = dict(TASKS[task].example)
    ours = predict_rows(TASKS[task], load_checkpoint(skill, TASKS[task]), [row])[0]
    plain = plain_probabilities(skill_folder(skill, task), len(TASKS[task].labels), **row)
    assert list(ours.probabilities.values()) == pytest.approx(plain.tolist(), abs=1e-3)
