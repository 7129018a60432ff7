"""A person's own table from training to an answer, its explanation, its attention, and plain transformers."""

import pytest
from transformers import AutoModelForSequenceClassification

from minilm_demo.jobs import TrainConfig, finetune, predict, trace_attention, word_importance
from minilm_demo.tasks import OWN

TABLES = {
    "spam": (
        "message,kind",
        [(f"Win a free prize now {n}", "spam") for n in range(15)] + [("See you soon", "ham")] * 15,
    ),
    "topics": ("text,topic", [(f"A text on something {n}", ("sport", "a <b> c", "x|y%")[n % 3]) for n in range(30)]),
    "stars": ("review,stars", [(f"A review of mine {n}", n % 5 + 1) for n in range(30)]),
}
LABELS = {"spam": {"ham", "spam"}, "topics": {"sport", "a <b> c", "x|y%"}}


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
    assert word_importance(OWN, checkpoint, fields).words
    assert trace_attention(checkpoint, "Win a prize", task=OWN).prediction.task == answer.task
