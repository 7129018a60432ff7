"""Markdown becomes plain parts: nothing in it is markup on the page."""

import pytest

from minilm_demo.models import skill_folder
from minilm_demo.tasks import SKILLS, skill_tasks
from minilm_demo.views import markdown_blocks


def words(blocks) -> list[tuple]:
    return [(block["kind"], block["level"], "".join(part["text"] for part in block["parts"])) for block in blocks]


def test_every_kind_of_block():
    code = "```py\nx = 1\n\ny\n```\n\n    old\n"
    text = f"# A\n\nTwo\nlines, *soft* [link](http://x).\n\n1. one\n2. two\n\n{code}\n## B `c`\n"
    assert words(markdown_blocks(text)) == [
        ("heading", 1, "A"),
        ("text", 0, "Two lines, soft link."),
        ("item", 0, "one"),
        ("item", 0, "two"),
        ("code", 0, "x = 1\n\ny"),
        ("code", 0, "old"),
        ("heading", 2, "B c"),
    ]
    assert markdown_blocks(text)[-1]["parts"] == [{"text": "B ", "code": False}, {"text": "c", "code": True}]


def test_a_table_has_its_headings_first():
    (table,) = markdown_blocks("| split | F1 |\n|---|---|\n| a `b` | 0.5 |\n| c |  |\n")
    assert table["cells"] == [["split", "F1"], ["a b", "0.5"], ["c", ""]]


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "<script>x</script>", "a <b>c</b>", "${x} {{y}}"])
def test_html_is_text(text):
    assert words(markdown_blocks(text)) == [("text", 0, text)]


def test_an_empty_card_has_no_blocks():
    assert markdown_blocks("") == []


@pytest.mark.parametrize("skill", SKILLS)
def test_the_cards_that_ship_are_taken_apart_whole(skill):
    card = (skill_folder(skill, skill_tasks(skill)[0].name) / "README.md").read_text(encoding="utf-8")
    blocks = markdown_blocks(card.split("\n---\n", 1)[-1])
    assert {block["kind"] for block in blocks} == {"heading", "text", "table", "code"}
    assert all("| " not in text for _, _, text in words(blocks))
