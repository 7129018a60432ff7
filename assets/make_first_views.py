"""The first pictures of three tabs, computed and written down, so that they show before a model has loaded.

    python assets/make_first_views.py

Run it again after a change of the nli skill, of the payloads or of the texts; tests compare. The Predict tab's first
answers stand in each skill's record, assets/skills/<skill>/skill.json.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from minilm_demo import views
from minilm_demo.runs import skills
from minilm_demo.serving import FIRST_LOOK, FIRST_LOOK_VIEW, FIRST_PAIRING, FIRST_PAIRING_VIEW
from minilm_demo.tasks import TASKS


def first_attention() -> dict:
    note = "Precomputed with the shipped inference skill. Press “Look inside” to run it here."
    return views.attention_payload(FIRST_LOOK.trace, **FIRST_LOOK.caption(), notes=[note], precomputed=True)


def first_microscope() -> dict:
    note = "Precomputed with shipped models. Press “Compare” to run it here."
    return views.microscope_payload(FIRST_PAIRING.targets, **FIRST_PAIRING.caption(), notes=[note], precomputed=True)


def main() -> None:
    for file, value in ((FIRST_LOOK_VIEW, first_attention()), (FIRST_PAIRING_VIEW, first_microscope())):
        file.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{file.name}: {file.stat().st_size:,} bytes")
    for skill, recipe in skills.recipes().items():
        for task in recipe["tasks"]:
            file = skills.renew_first_answer(skill, TASKS[task])
            print(f"{file.relative_to(skills.SKILLS_ROOT)}: the first answer")


if __name__ == "__main__":
    main()
