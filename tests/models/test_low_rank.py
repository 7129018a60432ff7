"""A full fine-tune as an adapter: exact at full rank, the best of its rank below, and loadable by peft alone."""

import copy

import numpy as np
import peft
import pytest
import torch
import transformers

from minilm_demo.models.low_rank import save_difference


@pytest.fixture
def models():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, num_labels=3
    )
    base = transformers.BertForSequenceClassification(config).eval()
    tuned = copy.deepcopy(base)
    with torch.no_grad():
        for parameter in tuned.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return base, tuned


def logits(model) -> np.ndarray:
    with torch.inference_mode():
        return model(input_ids=torch.arange(1, 21).view(2, 10)).logits.numpy()


def loaded(base, folder):
    return peft.PeftModel.from_pretrained(copy.deepcopy(base), folder).merge_and_unload().eval()


def test_with_every_singular_value_nothing_is_lost(models, tmp_path):
    base, tuned = models
    share = save_difference(base, tuned, tmp_path, base_name="owner/base", linear_rank=16, embedding_rank=16)
    assert share == pytest.approx(1)
    np.testing.assert_allclose(logits(loaded(base, tmp_path)), logits(tuned), atol=1e-4)
    assert not np.allclose(logits(base), logits(tuned), atol=1e-2)


def test_a_lower_rank_keeps_the_largest_singular_values(models, tmp_path):
    base, tuned = models
    share = save_difference(base, tuned, tmp_path, base_name="owner/base", linear_rank=2, embedding_rank=2)
    name = "bert.encoder.layer.1.output.dense.weight"
    difference = (tuned.state_dict()[name] - base.state_dict()[name]).numpy()
    u, s, v = np.linalg.svd(difference, full_matrices=False)
    best = u[:, :2] * s[:2] @ v[:2]
    kept = (loaded(base, tmp_path).state_dict()[name] - base.state_dict()[name]).numpy()
    np.testing.assert_allclose(kept, best, atol=1e-5)
    assert 0.2 < share < 0.9


def test_the_base_model_stays_as_it_was_and_no_folder_is_named(models, tmp_path):
    base, tuned = models
    before = {name: value.clone() for name, value in base.state_dict().items()}
    save_difference(base, tuned, tmp_path, base_name="owner/base")
    assert all(torch.equal(value, before[name]) for name, value in base.state_dict().items())
    assert '"owner/base"' in (tmp_path / "adapter_config.json").read_text()
