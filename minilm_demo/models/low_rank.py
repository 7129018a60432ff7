"""A full fine-tune as a small adapter: the change of each weight matrix, cut to its largest singular values.

A fine-tune changes a matrix W by a difference D that is close to low rank (Aghajanyan et al. 2020; Hu et al. 2021,
"LoRA"). Its truncated singular value decomposition, D ≈ U_r S_r V_r^T, is the best approximation of rank r (Eckart &
Young 1936), and B = U_r √S_r, A = √S_r V_r^T are the matrices B and A of LoRA. Biases, LayerNorms and the layers
above the encoder are small and are stored whole.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

from .quiet import peft_quiet

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LINEAR_RANK = 32  # of the linear layers of the encoder: 2.7 MB in float16 for 6 x 384
EMBEDDING_RANK = 12  # of word and position embeddings: 0.8 MB
LINEAR = r".*encoder\.layer\..*\b(query|key|value|dense)"
EMBEDDINGS = r".*embeddings\.(word|position)_embeddings"
STORED_WHOLE = ("LayerNorm", "token_type_embeddings", "pooler", "classifier", "qa_outputs")


@peft_quiet
def save_difference(
    base: PreTrainedModel,
    tuned: PreTrainedModel,
    folder: Path,
    *,
    base_name: str,
    linear_rank: int = LINEAR_RANK,
    embedding_rank: int = EMBEDDING_RANK,
) -> float:
    """Write `tuned` as an adapter of `base` (same classes and shapes) in the format of `peft`. Returns the share of the
    squared difference of the decomposed matrices that the adapter holds, 0..1."""
    import peft
    import torch

    present = {name.split(".")[-1] for name, _ in base.named_modules()}
    config = peft.LoraConfig(
        r=linear_rank,
        lora_alpha=linear_rank,  # scale 1
        target_modules=f"({LINEAR}|{EMBEDDINGS})",
        rank_pattern={EMBEDDINGS: embedding_rank},
        alpha_pattern={EMBEDDINGS: embedding_rank},
        bias="all",
        modules_to_save=[name for name in STORED_WHOLE if name in present],
    )
    adapted = peft.get_peft_model(copy.deepcopy(base), config)
    adapted.peft_config["default"].base_model_name_or_path = base_name
    targets = dict(tuned.named_modules())
    captured = total = 0.0
    with torch.no_grad():
        for name, module in adapted.base_model.model.named_modules():
            if isinstance(module, peft.tuners.lora.LoraLayer):
                captured_by_layer, total_of_layer = _decompose(module, targets[name])
                captured, total = captured + captured_by_layer, total + total_of_layer
            elif isinstance(module, peft.utils.ModulesToSaveWrapper):
                module.modules_to_save["default"].load_state_dict(targets[name].state_dict())
    adapted.save_pretrained(folder, save_embedding_layers=False)
    return captured / total if total else 1.0


def _decompose(layer, target) -> tuple[float, float]:
    """Fill one LoRA layer with the difference between `target` and its base layer. Returns the sums of the squared
    singular values: of those used, and of all."""
    import torch

    weight = layer.get_base_layer().weight
    is_embedding = "default" in layer.lora_embedding_A
    difference = (target.weight - weight).float()
    if is_embedding:  # an embedding adds (B A)^T
        difference = difference.T
    u, s, v = torch.linalg.svd(difference, full_matrices=False)
    rank = min(layer.r["default"], len(s))  # a small matrix has fewer; the rest of A or B stays 0
    b, a = u[:, :rank] * s[:rank].sqrt(), s[:rank].sqrt()[:, None] * v[:rank]
    if is_embedding:
        layer.lora_embedding_B["default"][:, :rank].copy_(b)
        layer.lora_embedding_A["default"][:rank].copy_(a)
    else:
        layer.lora_B["default"].weight[:, :rank].copy_(b)
        layer.lora_A["default"].weight[:rank].copy_(a)
        layer.get_base_layer().bias.copy_(target.bias)
    return float((s[:rank] ** 2).sum()), float((s**2).sum())
