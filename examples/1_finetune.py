"""Fine-tune the bundled MiniLM on the sample reviews for a few epochs, and print its scores and mistakes.

python examples/1_finetune.py [epochs]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from minilm_demo import TrainConfig, finetune
from minilm_demo.results import Finished, Stepped

epochs = float(sys.argv[1]) if len(sys.argv) > 1 else 8
for event in finetune("sst2", TrainConfig(data="sample", epochs=epochs)):
    if isinstance(event, Stepped):
        print(f"step {event.step}: loss {event.loss:.3f}, {event.seconds_left:.0f} s left")

assert isinstance(event, Finished)
evaluation = event.result.evaluation
low, high = evaluation.intervals["validation"]["accuracy"]
print(f"accuracy {evaluation.metrics['validation']['accuracy']:.2f} (95 %: {low:.2f} to {high:.2f})")
print(f"always the same answer: {evaluation.baseline['validation']['accuracy']:.2f}")
for mistake in evaluation.mistakes[:3]:
    print(f"  {mistake.fields['sentence']!r} is {mistake.expected}, it said {mistake.predicted}")
print(f"saved in {event.result.output_dir}/checkpoint")
