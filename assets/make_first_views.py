"""Precomputes the first pictures of two tabs, so that the page shows them before a model is loaded.

    python assets/make_first_views.py

Run it again after a change of the nli skill, the payloads or the texts; tests compare the files. The first answers of
the Predict tab are stored in each skill's record, assets/skills/<skill>/skill.json, and the Distillation tab's first
picture is a recorded run: make_first_distillation.py.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from minilm_demo import views
from minilm_demo.runs import skills
from minilm_demo.serving import FIRST_LOOK, FIRST_LOOK_VIEW
from minilm_demo.tasks import TASKS


def first_attention() -> dict:
    """The payload of the Attention tab's first picture."""
    note = "Precomputed with the shipped inference skill. Press “Look inside” to run it here."
    return views.attention_payload(FIRST_LOOK.trace, **FIRST_LOOK.caption(), notes=[note], precomputed=True)


def main() -> None:
    FIRST_LOOK_VIEW.write_text(json.dumps(first_attention(), ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{FIRST_LOOK_VIEW.name}: {FIRST_LOOK_VIEW.stat().st_size:,} bytes")
    for skill, recipe in skills.recipes().items():
        for task in recipe["tasks"]:
            file = skills.renew_first_answer(skill, TASKS[task])
            print(f"{file.relative_to(skills.SKILLS_ROOT)}: the first answer")


if __name__ == "__main__":
    main()
