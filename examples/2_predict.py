"""Ask a fine-tuned checkpoint, then load the same folder with plain transformers: it is an ordinary checkpoint.

python examples/2_predict.py my-sst2 "A joy from start to end."
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from minilm_demo import predict

folder, sentence = sys.argv[1:]
prediction = predict("sst2", folder, {"sentence": sentence})
for label, probability in prediction.probabilities.items():
    print(f"{label:<10}{probability:.4f}")

import torch
import transformers

checkpoint = Path(folder) / "checkpoint"
tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
model = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoint)
with torch.inference_mode():
    probabilities = model(**tokenizer(sentence, return_tensors="pt")).logits.softmax(-1)[0]
for index, label in model.config.id2label.items():
    print(f"{label:<10}{probabilities[index]:.4f}  (plain transformers)")
