"""Distil a small student from the bundled MiniLM: print how far it is from its teacher, and save both on one text.

python examples/4_distill.py [steps] [folder for microscope.html]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from minilm_demo import DistillConfig, distill, distillation_targets, views
from minilm_demo.results import Finished, Stepped

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 200
config = DistillConfig(data="sample", layers=3, hidden=192, heads=12, steps=steps)
for event in distill(config):
    if isinstance(event, Stepped) and event.step % 20 == 0:
        losses = "  ".join(f"{name.replace('_', ' ')} {loss:.3f}" for name, loss in event.losses.items())
        print(f"step {event.step}: {losses}")

assert isinstance(event, Finished)
student = event.result
print(f"{student.parameters / 1e6:.1f} million weights; its teacher has {student.teacher_parameters / 1e6:.1f}")
for name, loss in student.losses.items():
    print(f"{name.replace('_', ' '):<16}{student.losses_before[name]:.3f} -> {loss:.3f} nats per head and token")

targets = distillation_targets("bundled", student.output_dir, "She sat on the bank of the river.")
folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path()
print(f"written to {views.show(targets).save(folder / 'microscope.html')}")
print(f"saved in {student.output_dir}/checkpoint")
