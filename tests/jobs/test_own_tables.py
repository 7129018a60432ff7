"""A person's own table from training to an answer, its explanation, its attention, and plain transformers."""

import csv
from dataclasses import replace

import pytest
from transformers import AutoModelForSequenceClassification

from minilm_demo.jobs import TrainConfig, finetune, predict, predict_file, trace_attention, word_importance
from minilm_demo.models import answered_task
from minilm_demo.tasks import OWN

TABLES = {
    "spam": (
        "message,kind",
        [(f"Win a free prize now {n}", "spam") for n in range(15)] + [("See you soon", "ham")] * 15,
    ),
    "topics": ("text,topic", [(f"A text on something {n}", ("sport", "a <b> c", "x|y%")[n % 3]) for n in range(30)]),
    "other": (
        "Beschreibung,Ort der Tat",
        [(f"Ein Text mit vielen Wörtern {n}", ("Köln", "=Bonn")[n % 2]) for n in range(30)],
    ),
    "stars": ("review,stars", [(f"A review of mine {n}", n % 5 + 1) for n in range(30)]),
}
LABELS = {"other": {"Köln", "=Bonn"}, "spam": {"ham", "spam"}, "topics": {"sport", "a <b> c", "x|y%"}}


@pytest.mark.parametrize("name", TABLES)
def test_an_own_table_is_learned_answered_and_explained(name, tmp_path):
    header, rows = TABLES[name]
    file = tmp_path / f"{name}.csv"
    file.write_text("\n".join([header, *(f"{text},{label}" for text, label in rows)]) + "\n", encoding="utf-8")
    config = TrainConfig(data=str(file), max_steps=2, method="head", output_dir=str(tmp_path / "run"))
    assert list(finetune("own", config))[-1].status == "completed"
    checkpoint, fields = str(tmp_path / "run" / "checkpoint"), {"text": "Win a prize"}
    answer = predict(OWN, checkpoint, fields)
    if name in LABELS:
        assert set(answer.probabilities) == LABELS[name]
        model = AutoModelForSequenceClassification.from_pretrained(checkpoint)
        assert set(model.config.id2label.values()) == LABELS[name]
    else:
        assert answer.score is not None
    batch, output = tmp_path / "batch.csv", tmp_path / "out.csv"
    batch.write_text(f"number,{header.split(',')[0]}\n1,Win a prize\n2,\n3,See you\n", encoding="utf-8")
    assert predict_file([answered_task(OWN, checkpoint)], checkpoint, batch, output).empty == 1
    with output.open(newline="", encoding="utf-8-sig") as rows_of_batch:
        answered = list(csv.DictReader(rows_of_batch))
    assert [row["number"] for row in answered] == ["1", "2", "3"] and not answered[1]["prediction"]
    for row in (answered[0], answered[2]):
        said = row["prediction"].removeprefix("'")  # which keeps “=Bonn” from running
        assert said in LABELS[name] if name in LABELS else float(said)
    assert word_importance(OWN, checkpoint, fields).words
    assert trace_attention(checkpoint, "Win a prize", task=OWN).prediction.task == answer.task


def test_scores_are_answered_on_their_own_scale_from_the_first_step(tmp_path):
    file, checkpoint = tmp_path / "grades.csv", tmp_path / "run" / "checkpoint"
    rows = (f"An essay of mine {n},{n % 5 * 25 + 900}" for n in range(30))
    file.write_text("\n".join(["essay,grade", *rows]) + "\n", encoding="utf-8")
    config = TrainConfig(data=str(file), max_steps=1, learning_rate=1e-7, output_dir=str(tmp_path / "run"))
    assert list(finetune("own", config))[-1].status == "completed"
    assert 900 < predict(OWN, str(checkpoint), {"text": "An essay of mine"}).score < 1000
    # A layer that was trained before begins as it was left, whatever scores come next.
    rows = (f"An essay of mine {n},{n % 5 * 25 + 400}" for n in range(30))
    file.write_text("\n".join(["essay,grade", *rows]) + "\n", encoding="utf-8")
    config = replace(config, checkpoint=str(checkpoint), output_dir=str(tmp_path / "next"))
    assert list(finetune("own", config))[-1].status == "completed"
    assert predict(OWN, str(tmp_path / "next" / "checkpoint"), {"text": "An essay of mine"}).score > 800
