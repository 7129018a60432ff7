"""Distils a small student from the bundled model and records the Distillation tab's first picture of it.

    python assets/make_first_distillation.py

It takes about a minute on two cores. The picture shows one such run; another machine's student differs a little.
"""

import json
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from minilm_demo import views
from minilm_demo.jobs import DistillConfig, distill, distillation_targets
from minilm_demo.models import CATALOG, load_checkpoint
from minilm_demo.results import Badge, Finished, Probed
from minilm_demo.serving import FIRST_PAIRING, FIRST_PAIRING_VIEW, RECORDED

STEPS = 600
PICTURES = 9  # kept of those that the run drew, its first and last among them
BADGE = Badge("here", "distilled here", "A run of this app made the student from this teacher.")


def first_distillation() -> dict:
    """The payload of the recorded distillation."""
    (text,) = FIRST_PAIRING.texts
    with tempfile.TemporaryDirectory() as folder:
        config = DistillConfig(data="sample", steps=STEPS, probe=text, output_dir=folder)
        events = list(distill(config))
        result = next(event.result for event in events if isinstance(event, Finished))
        targets = distillation_targets(load_checkpoint("bundled"), load_checkpoint(folder), text)
    pictures = [event for event in events if isinstance(event, Probed)]
    kept = [pictures[round(place * (len(pictures) - 1) / (PICTURES - 1))] for place in range(PICTURES)]
    student = f"a student of {result.layers} x {result.hidden_size}"
    return views.microscope_payload(
        replace(targets, student_name="my-student"),  # the folder of the run is gone
        teacher_title=CATALOG["bundled"].title,
        student_title=student[0].upper() + student[1:],
        badge=asdict(BADGE),
        asked=RECORDED,
        frames=views.probed_frames(kept),
        notes=[
            f"A recording: {student} learned from its teacher in {result.steps} steps on the bundled sample "
            f"({result.examples:,} texts). Press “Compare” to run the models chosen above, or make a student yourself "
            "under “Distil now”."
        ],
        precomputed=True,
    )


def main() -> None:
    payload = first_distillation()
    FIRST_PAIRING_VIEW.write_text(json.dumps(payload, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{FIRST_PAIRING_VIEW.name}: {FIRST_PAIRING_VIEW.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
