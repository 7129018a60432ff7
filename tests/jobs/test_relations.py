"""MiniLM's objective: the formula against what it must be, and one text through two models."""

import copy
import math
import shutil
import threading

import numpy as np
import pytest
import torch
import transformers
from transformers import BertConfig, BertModel

from minilm_demo.errors import DataError, DemoError, UnknownName
from minilm_demo.jobs import relations as distillation
from minilm_demo.jobs.relations import (
    compare,
    distillation_targets,
    divergence,
    mean_over_tokens,
    measure_relations,
    projections,
    relation,
    relation_losses,
    relation_scores,
)
from minilm_demo.models.hooks import encoder_layers
from minilm_demo.models.loading import load_checkpoint
from minilm_demo.recipes import RECIPES

TEXT = "a good movie is not a bad one"


def tiny(layers: int, hidden: int, heads: int, seed: int) -> BertModel:
    """A random encoder whose relations are far from even: weights ten times as large as BERT's."""
    torch.manual_seed(seed)
    sizes = {"num_hidden_layers": layers, "hidden_size": hidden, "intermediate_size": 4 * hidden}
    config = BertConfig(vocab_size=50, num_attention_heads=heads, initializer_range=0.2, **sizes)
    return BertModel._from_config(config, attn_implementation="eager").eval()


@pytest.fixture(scope="module")
def teacher() -> BertModel:
    return tiny(3, 32, 4, seed=1)


@pytest.fixture(scope="module")
def student() -> BertModel:
    return tiny(2, 16, 4, seed=2)


def padded(*lengths: int, to: int | None = None) -> dict[str, torch.Tensor]:
    """Random sentences of these lengths in one batch, padded on the right to the longest or to `to` tokens."""
    size = to or max(lengths)
    tokens = torch.randint(5, 50, (len(lengths), size), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(size) < torch.tensor(lengths)[:, None]).long()
    return {"input_ids": tokens * mask, "attention_mask": mask}


def single(batch: dict, row: int) -> dict[str, torch.Tensor]:
    length = int(batch["attention_mask"][row].sum())
    return {name: values[row : row + 1, :length] for name, values in batch.items()}


def losses(teacher, student, batch, recipe="minilm_v1", teacher_layer=None, heads=None) -> dict[str, torch.Tensor]:
    """Both models' losses on a batch, the teacher without gradients."""
    comparison = compare(recipe, teacher.config, student.config, heads, teacher_layer)
    with torch.no_grad():
        asked = projections(teacher, comparison.teacher_layer, batch)
    answered = projections(student, comparison.student_layer, batch)
    relations = comparison.recipe.relations
    return relation_losses(asked, answered, relations, comparison.num_relation_heads, batch["attention_mask"])


def values(losses: dict) -> dict[str, float]:
    return {name: loss.item() for name, loss in losses.items()}


# -- the formula ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_copy_of_the_teacher_has_nothing_to_learn(teacher, recipe):
    found = losses(teacher, teacher, padded(7, 4), recipe)
    assert tuple(found) == RECIPES[recipe].relations
    assert all(abs(loss) < 1e-6 for loss in values(found).values())


@pytest.mark.parametrize("recipe", RECIPES)
def test_another_student_has(teacher, student, recipe):
    assert min(values(losses(teacher, student, padded(7, 4), recipe)).values()) > 0.01


@pytest.mark.parametrize("recipe", RECIPES)
def test_padding_changes_nothing(teacher, student, recipe):
    short = values(losses(teacher, student, padded(7, 4), recipe))
    batch = padded(7, 4, to=7)
    wide = {name: torch.nn.functional.pad(tensor, (0, 9)) for name, tensor in batch.items()}
    assert values(losses(teacher, student, wide, recipe)) == pytest.approx(short, abs=1e-6)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_batch_is_the_mean_of_its_single_runs(teacher, student, recipe):
    batch = padded(9, 2, 5)
    alone = [values(losses(teacher, student, single(batch, row), recipe)) for row in range(3)]
    mean = {name: sum(one[name] for one in alone) / 3 for name in alone[0]}
    assert values(losses(teacher, student, batch, recipe)) == pytest.approx(mean, abs=1e-6)


def test_the_order_of_the_heads_does_not_matter(teacher, student):
    batch, order = padded(7, 4), torch.tensor([2, 0, 3, 1])

    def permuted(vectors: dict) -> dict:
        return {name: x.unflatten(-1, (4, -1))[:, :, order].flatten(-2) for name, x in vectors.items()}

    asked, answered = projections(teacher, 2, batch), projections(student, 1, batch)
    both = [(asked, answered), (permuted(asked), permuted(answered)), (permuted(asked), answered)]
    here, there, apart = (
        values(relation_losses(left, right, ("QK", "VV"), 4, batch["attention_mask"])) for left, right in both
    )
    assert there == pytest.approx(here, abs=1e-6)
    assert apart != pytest.approx(here, abs=1e-3)  # but it must be the same on both sides


@pytest.mark.parametrize("layer", [0, 2])
def test_qk_with_the_attention_heads_is_the_attention_itself(teacher, layer):
    batch = padded(7, 4)
    found = projections(teacher, layer, batch)
    attention = teacher(**batch, output_attentions=True).attentions[layer]
    ours = relation(found["Q"], found["K"], 4, batch["attention_mask"])
    real = batch["attention_mask"].bool()
    assert (ours - attention).transpose(1, 2)[real].abs().max() < 1e-5


def test_rows_sum_to_one_and_nothing_looks_at_padding(teacher):
    batch = padded(7, 4)
    found = projections(teacher, 2, batch)
    ours = relation(found["V"], found["V"], 8, batch["attention_mask"])
    assert ours.shape == (2, 8, 7, 7)
    assert ours.dtype == torch.float32
    assert torch.allclose(ours.sum(-1), torch.ones(2, 8, 7))
    assert ours[1, :, :, 4:].max() == 0


def test_each_side_divides_by_the_size_of_its_own_heads():
    x = torch.ones(1, 3, 8)
    assert relation_scores(x, x, 2)[0, 0, 0, 0].item() == pytest.approx(4 / math.sqrt(4))
    assert relation_scores(x, x, 8)[0, 0, 0, 0].item() == pytest.approx(1 / math.sqrt(1))


@pytest.mark.parametrize("spread", [0.1, 2.0, 30.0])
def test_the_divergence_lies_between_zero_and_the_logarithm_of_the_length(spread):
    """Against an even row it is ln T minus the entropy of the teacher's row."""
    mask = torch.ones(2, 16)
    asked = spread * torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    found = divergence(asked, torch.zeros(2, 4, 16, 16), mask)
    assert found.shape == (2, 4, 16)
    assert found.min() >= 0
    assert found.max() <= math.log(16) + 1e-5
    p = asked.softmax(-1)
    entropy = -(p * p.clamp_min(1e-30).log()).sum(-1)
    assert torch.allclose(found, math.log(16) - entropy, atol=1e-4)


def test_no_divergence_that_is_shown_is_below_zero(teacher):
    """Between models that are nearly the same, where rounding alone goes below."""
    near = copy.deepcopy(teacher)
    with torch.no_grad():
        for weights in near.parameters():
            weights.mul_(1 + 1e-6)
    inputs = {name: values[0].tolist() for name, values in padded(48).items()}
    compared = compare("minilm_v1", teacher.config, near.config)
    found = measure_relations(teacher, near, compared, inputs)
    scores = (torch.tensor(found[f"{side}_scores"]["QK"])[None] for side in ("teacher", "student"))
    assert divergence(*scores, torch.ones(1, 48)).min() < 0
    assert all(rows.min() >= 0 for rows in found["divergence"].values())


def test_the_teacher_comes_first():
    """KL(teacher ‖ student): a student that spreads where the teacher is sure pays less than the other way round."""
    sure, even, mask = torch.tensor([[[[9.0, 0.0, 0.0]]]]), torch.zeros(1, 1, 1, 3), torch.ones(1, 3)
    assert divergence(sure, even, mask).item() == pytest.approx(math.log(3), abs=0.01)
    assert divergence(even, sure, mask).item() == pytest.approx(4.9, abs=0.05)


def test_half_precision_is_left_before_the_scores(teacher, student):
    batch = padded(7, 4)
    with torch.autocast("cpu", torch.bfloat16):
        found = projections(student, 1, batch)
        assert found["Q"].dtype == torch.bfloat16
        assert relation_scores(found["Q"], found["K"], 4).dtype == torch.float32
        assert all(loss.dtype == torch.float32 for loss in losses(teacher, student, batch).values())


def test_gradients_reach_queries_keys_and_values_and_nothing_above(teacher):
    student = tiny(2, 16, 4, seed=2)
    sum(losses(teacher, student, padded(7, 4)).values()).backward()
    last = encoder_layers(student)[-1]
    above = {*last.attention.output.parameters(), *last.intermediate.parameters(), *last.output.parameters()}
    above |= set(student.pooler.parameters())
    assert len(above) == 12
    for name, parameter in student.named_parameters():
        if parameter in above:
            assert parameter.grad is None, name
        elif name.endswith("key.bias"):  # it moves whole rows of scores, which a softmax does not see
            assert parameter.grad.abs().max() < 1e-6, name
        else:
            assert parameter.grad.abs().max() > 1e-6, name
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_v2_against_an_implementation_of_its_own(teacher, student):
    """Plain numpy, one sequence and one head after the other, from the layers' inputs and weights."""
    batch = padded(7, 4)
    expected = dict.fromkeys(("QQ", "KK", "VV"), 0.0)
    for row, length in enumerate((7, 4)):
        vectors = [
            _by_hand(model, layer, single(batch, row)) for model, layer in ((teacher, 1), (student, 1))
        ]  # the teacher's second of three layers
        for letter in "QKV":
            kl = 0.0
            for head in range(8):
                p, q = (_softmax_by_hand(x[letter], head, 8) for x in vectors)
                kl += sum(p[t, j] * np.log(p[t, j] / q[t, j]) for t in range(length) for j in range(length))
            expected[letter * 2] += kl / (8 * length) / 2
    found = values(losses(teacher, student, batch, "minilm_v2", teacher_layer=1, heads=8))
    assert found == pytest.approx(expected, abs=1e-6)


def _by_hand(model: BertModel, layer: int, batch: dict) -> dict[str, np.ndarray]:
    with torch.no_grad():
        hidden = model(**batch, output_hidden_states=True).hidden_states[layer][0].double().numpy()
    attention = encoder_layers(model)[layer].attention.self
    parts = {"Q": attention.query, "K": attention.key, "V": attention.value}
    weights = {name: (part.weight.detach().numpy(), part.bias.detach().numpy()) for name, part in parts.items()}
    return {name: hidden @ weight.T.astype(np.float64) + bias for name, (weight, bias) in weights.items()}


def _softmax_by_hand(x: np.ndarray, head: int, heads: int) -> np.ndarray:
    size = x.shape[1] // heads
    part = x[:, head * size : (head + 1) * size]
    exponentials = np.exp(part @ part.T / np.sqrt(size))
    return exponentials / exponentials.sum(1, keepdims=True)


# -- queries, keys and values --------------------------------------------------------------------------------------


def test_the_model_runs_no_further_than_asked(teacher):
    ran = []
    handles = [module.register_forward_hook(lambda m, i, o: ran.append(m)) for module in teacher.modules()]
    found = projections(teacher, 1, padded(5))
    for handle in handles:
        handle.remove()
    assert set(found) == {"Q", "K", "V"}
    assert encoder_layers(teacher)[0] in ran
    assert encoder_layers(teacher)[1].attention.self.value in ran
    assert encoder_layers(teacher)[1] not in ran
    assert encoder_layers(teacher)[1].attention.self not in ran
    assert teacher.pooler not in ran


def test_the_model_is_whole_again_afterwards(teacher):
    before = teacher(**padded(5)).last_hidden_state
    hooks = [len(module._forward_hooks) for module in teacher.modules()]
    projections(teacher, 0, padded(5))
    assert torch.equal(teacher(**padded(5)).last_hidden_state, before)
    assert [len(module._forward_hooks) for module in teacher.modules()] == hooks


def test_others_who_use_the_model_meanwhile_get_their_whole_answer(teacher):
    batch = padded(5)
    with torch.inference_mode():
        expected = teacher(**batch).last_hidden_state
    over, answers = threading.Event(), []

    def ask():
        with torch.inference_mode():
            while not over.is_set():
                answers.append(teacher(**batch).last_hidden_state)

    other = threading.Thread(target=ask)
    other.start()
    for _ in range(50):
        assert projections(teacher, 1, padded(7, 4))["Q"].shape == (2, 7, 32)
    over.set()
    other.join()
    assert answers
    assert all(torch.equal(answer, expected) for answer in answers)


# -- two models that can be compared -------------------------------------------------------------------------------


def test_what_is_left_open_is_the_papers():
    base, small = (
        BertConfig(hidden_size=h, num_hidden_layers=n, num_attention_heads=12) for h, n in ((768, 12), (384, 6))
    )
    first, second = compare("minilm_v1", base, small), compare("minilm_v2", base, small)
    assert (first.num_relation_heads, first.teacher_layer, first.student_layer) == (12, 11, 5)
    assert (second.num_relation_heads, second.teacher_layer, second.student_layer) == (48, 11, 5)
    large = BertConfig(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16)
    assert compare("minilm_v2", large, small).num_relation_heads == 64
    assert compare("minilm_v2", large, small, teacher_layer=20).teacher_layer == 20


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"recipe": "minilm_v1", "student": (16, 2)}, "the teacher has 4 attention heads and the student 2"),
        ({"recipe": "minilm_v1", "num_relation_heads": 8}, "compares the 4 attention heads"),
        ({"recipe": "minilm_v1", "teacher_layer": 0}, "compares the last layers"),
        ({"recipe": "minilm_v2", "num_relation_heads": 6}, "take one of 1, 2, 4, 8, 16"),
        ({"recipe": "minilm_v2", "teacher_layer": 3}, "layers are 0 to 2"),
        ({"recipe": "minilm_v2", "teacher_layer": -1}, "layers are 0 to 2"),
        ({"recipe": "minilm_v3"}, "Unknown recipe 'minilm_v3'. Known: minilm_v1, minilm_v2"),
    ],
)
def test_models_that_do_not_fit_are_one_sentence(options, words):
    hidden, heads = options.pop("student", (16, 4))
    teacher = BertConfig(hidden_size=32, num_hidden_layers=3, num_attention_heads=4)
    student = BertConfig(hidden_size=hidden, num_hidden_layers=2, num_attention_heads=heads)
    with pytest.raises(DemoError, match=words):
        compare(options.pop("recipe"), teacher, student, **options)


# -- one text ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkpoint(tiny_checkpoint):
    return load_checkpoint(str(tiny_checkpoint))


@pytest.fixture(scope="module")
def smaller(tiny_checkpoint, tmp_path_factory):
    """A student of one layer with the tiny checkpoint's words and heads, half as wide."""
    folder = tmp_path_factory.mktemp("smaller") / "smaller"
    config = transformers.AutoConfig.from_pretrained(tiny_checkpoint)
    config.hidden_size, config.intermediate_size, config.num_hidden_layers = 16, 64, 1
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(tiny_checkpoint).save_pretrained(folder)
    return folder


def test_targets_of_a_text(checkpoint, smaller):
    found = distillation_targets(checkpoint, str(smaller), TEXT)
    tokens = checkpoint.tokenizer(TEXT).tokens()
    assert found.tokens == tuple(tokens)
    assert (found.teacher_name, found.student_name, found.recipe) == ("tiny", "smaller", "minilm_v1")
    assert (found.teacher_layer, found.student_layer, found.num_relation_heads) == (1, 0, 2)
    assert found.relations == ("QK", "VV")
    for name in found.relations:
        for side, scores in ((found.teacher, found.teacher_scores), (found.student, found.student_scores)):
            assert side[name].shape == scores[name].shape == (2, len(tokens), len(tokens))
            assert side[name].dtype == np.float32
            exponentials = np.exp(scores[name])
            assert np.allclose(side[name], exponentials / exponentials.sum(-1, keepdims=True), atol=1e-6)
        p, q = found.teacher[name], found.student[name]
        assert np.allclose(found.divergence[name], (p * np.log(p / q)).sum(-1), atol=1e-5)
        assert found.losses[name] == pytest.approx(found.divergence[name].mean())


def test_targets_are_the_models_own_attention(checkpoint):
    found = distillation_targets(checkpoint, checkpoint, TEXT, "a film")
    inputs = checkpoint.tokenizer(TEXT, "a film", return_tensors="pt")
    with torch.inference_mode():
        attention = checkpoint.model(**inputs, output_attentions=True).attentions[-1][0]
    assert np.abs(found.teacher["QK"] - attention.numpy()).max() < 1e-5
    assert max(map(abs, found.losses.values())) < 1e-6
    assert found.texts == (TEXT, "a film")
    assert found.segment_ids == tuple(inputs["token_type_ids"][0].tolist())


def test_targets_of_the_second_recipe(checkpoint, smaller):
    found = distillation_targets(
        checkpoint, str(smaller), TEXT, recipe="minilm_v2", num_relation_heads=8, teacher_layer=0
    )
    assert found.relations == ("QQ", "KK", "VV")
    assert found.teacher["KK"].shape[0] == 8
    assert found.teacher_layer == 0
    assert np.allclose(found.teacher_scores["QQ"], found.teacher_scores["QQ"].transpose(0, 2, 1), atol=1e-5)


def test_a_text_has_its_words(checkpoint, smaller):
    found = distillation_targets(checkpoint, str(smaller), "don't zzz")
    assert [word.text for word in found.words] == ["don't", "zzz"]
    assert found.word_ids[0] is None
    assert set(found.word_ids) == {None, 0, 1}
    assert found.special_tokens_mask == tuple(token in ("[CLS]", "[SEP]") for token in found.tokens)


def test_models_of_other_words_are_not_compared(checkpoint, tmp_path):
    import hub_server

    hub_server.write_safetensors_model(tmp_path / "other", [*hub_server.default_vocabulary(), "zeitgeist"])
    with pytest.raises(DemoError, match="other vocabularies"):
        distillation_targets(checkpoint, str(tmp_path / "other"), TEXT)


def test_an_empty_text_and_an_unknown_recipe_are_one_sentence(checkpoint):
    with pytest.raises(DataError, match="empty"):
        distillation_targets(checkpoint, checkpoint, "  ")
    with pytest.raises(UnknownName, match="minilm_v1, minilm_v2"):
        distillation_targets(checkpoint, checkpoint, TEXT, recipe="tinybert")


def test_saved_targets_have_the_names_of_the_contract(checkpoint, smaller, tmp_path):
    found = distillation_targets(checkpoint, str(smaller), TEXT)
    distillation.save_targets(found, tmp_path / "targets.npz")
    with np.load(tmp_path / "targets.npz") as saved:
        names = {"tokens", "segment_ids"}
        names |= {f"{side}_{name}" for side in ("teacher", "student", "divergence") for name in ("QK", "VV")}
        assert set(saved) == names
        assert saved["tokens"].tolist() == list(found.tokens)
        assert np.array_equal(saved["divergence_VV"], found.divergence["VV"])


def test_a_long_text_is_cut_at_what_both_models_hold(checkpoint, tmp_path, tiny_checkpoint):
    config = transformers.AutoConfig.from_pretrained(tiny_checkpoint)
    config.max_position_embeddings = 20
    BertModel(config).save_pretrained(tmp_path / "short")
    transformers.AutoTokenizer.from_pretrained(tiny_checkpoint).save_pretrained(tmp_path / "short")
    found = distillation_targets(checkpoint, str(tmp_path / "short"), "a movie " * 30)
    assert len(found.tokens) == 20
    assert found.truncated
    assert mean_over_tokens(torch.from_numpy(found.divergence["QK"])[None], torch.ones(1, 20)).item() == pytest.approx(
        found.losses["QK"]
    )


def test_models_whose_tokenizers_cut_a_text_in_other_ways_are_not_compared(tiny_checkpoint, tmp_path):
    """One vocabulary, but one of the tokenizers keeps capital letters: the divergence would be 0 on other tokens."""
    shutil.copytree(tiny_checkpoint, tmp_path / "cased")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_checkpoint, do_lower_case=False)
    tokenizer.save_pretrained(tmp_path / "cased")
    cased, plain = load_checkpoint(str(tmp_path / "cased")), load_checkpoint(str(tiny_checkpoint))
    assert cased.tokenizer.get_vocab() == plain.tokenizer.get_vocab()
    for teacher, student in ((cased, plain), (plain, cased)):
        with pytest.raises(DemoError, match=r"read other tokens of this text: .*\[UNK\]"):
            distillation_targets(teacher, student, "ABBA sang")
        assert distillation_targets(teacher, student, "abba sang").losses["QK"] == pytest.approx(0, abs=1e-5)
