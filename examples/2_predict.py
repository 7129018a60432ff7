"""Ask a checkpoint. A folder that was fine-tuned here is then loaded with plain transformers: it is an ordinary one.

python examples/2_predict.py
python examples/2_predict.py my-sst2 "A joy from start to end."
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from minilm_demo import DemoError, predict

if len(sys.argv) not in (1, 3):
    sys.exit(f"Give a folder and a sentence, or neither: the shipped skill then answers.\n\n{__doc__}")
folder, sentence = sys.argv[1:] or ("sentiment", "A joy from start to end.")
try:
    prediction = predict("sst2", folder, {"sentence": sentence})
except DemoError as error:
    sys.exit(str(error))
for label, probability in prediction.probabilities.items():
    print(f"{label:<10}{probability:.4f}")

checkpoint = Path(folder) / "checkpoint"
if checkpoint.is_dir():
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoint)
    with torch.inference_mode():
        probabilities = model(**tokenizer(sentence, return_tensors="pt")).logits.softmax(-1)[0]
    for index, label in model.config.id2label.items():
        print(f"{label:<10}{probabilities[index]:.4f}  (plain transformers)")
