"""Look inside: the heads that attend from one sentence to the other, and the answer without these heads.

python examples/3_attention.py [folder for attention.html]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from minilm_demo import trace_attention, views
from minilm_demo.attention_weights import crossing_heads, merge_words, word_groups

texts = "Nobody liked the soup.", "Everyone enjoyed the meal."
trace = trace_attention("nli", *texts, task="mnli")
print(f"attentions: {trace.attentions.shape}, layers x heads x from x to")

heads = crossing_heads(trace)
groups, words = word_groups(trace)
border = words.index("[SEP]")
for layer, head, mass in heads:
    across = merge_words(trace.head(layer, head), groups)[1:border, border + 1 : -1]  # first text to second
    row, column = np.unravel_index(across.argmax(), across.shape)
    look = f"{words[1 + row]} looks at {words[border + 1 + column]} ({across.max():.2f})"
    print(f"layer {layer + 1}, head {head + 1}: {mass:.2f} goes across, {look}")

ablated = trace_attention("nli", *texts, task="mnli", ablated_heads=[(layer, head) for layer, head, _ in heads])
for label, probability in trace.prediction.probabilities.items():
    without = ablated.prediction.probabilities[label]
    print(f"{label:<16}{probability:.3f}  without these heads {without:.3f}")

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
print(f"written to {views.show(trace).save(folder / 'attention.html')}")
