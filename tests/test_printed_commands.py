"""Every command that the program prints, or that is written about it, is one that it takes.

What the commands print is checked by the fixture `run` of tests/cli; the README's own run in test_readme.py."""

import pytest
from printed_commands import ROOT, check, commands_in, examples_in, written_texts

TEXTS = written_texts()


@pytest.mark.parametrize("file", [name for name, texts in TEXTS.items() if any(map(commands_in, texts))])
def test_a_written_command_is_understood(file):
    for text in TEXTS[file]:
        check(text)


def test_the_commands_are_found_where_people_read_them():
    found = {name for name, texts in TEXTS.items() if any(map(commands_in, texts))}
    assert {"README.md", "assets/skills/nli/README.md", "minilm_demo/runs/card_templates/skill.md"} <= found
    assert {"minilm_demo/cli/ask.py", "minilm_demo/cli/train.py", "minilm_demo/models/loading.py"} <= found


def test_a_written_example_exists():
    files = {words[0] for texts in TEXTS.values() for text in texts for words in examples_in(text)}
    assert files == {str(file.relative_to(ROOT)) for file in (ROOT / "examples").glob("*.py")}


@pytest.mark.parametrize("wrong", ["python -m minilm_demo predict", "Do `python -m minilm_demo fly` now, or not."])
def test_a_command_that_is_refused_is_found(wrong):
    with pytest.raises(AssertionError):
        check(wrong)
