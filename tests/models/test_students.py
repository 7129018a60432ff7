"""How large models are, without loading them, and the sizes a student may have."""

import json

import pytest

from minilm_demo.errors import DemoError
from minilm_demo.models.students import Size, size_of, smaller_sizes


def test_sizes_are_read_without_loading(tiny_checkpoint):
    assert size_of("bundled") == size_of("nli") == Size(6, 384, 12)
    assert size_of(str(tiny_checkpoint)) == Size(2, 32, 2)
    assert size_of("bert-base") is None, "it is not on this machine"
    with pytest.raises(DemoError):
        size_of("nobody")


def test_what_lies_in_the_cache_of_the_hub_has_a_size(tmp_path, monkeypatch):
    import huggingface_hub

    file = tmp_path / "config.json"
    file.write_text(json.dumps({"num_hidden_layers": 12, "hidden_size": 768, "num_attention_heads": 12}))
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repo, name, revision: str(file))
    assert size_of("bert-base") == Size(12, 768, 12)


def test_smaller_sizes_keep_the_heads():
    assert smaller_sizes(Size(12, 768, 12)) == {
        "half as deep, half as wide": Size(6, 384, 12),
        "half as deep, as wide": Size(6, 768, 12),
        "one layer, as wide": Size(1, 768, 12),
    }
    odd = smaller_sizes(Size(1, 36, 12))
    assert list(odd.values()) == [Size(1, 12, 12), Size(1, 36, 12)], "no size comes twice, each fits its heads"
