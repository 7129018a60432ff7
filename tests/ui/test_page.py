"""The page's configuration, which Gradio reads and copies for every visit."""

from types import FunctionType

import gradio as gr
import pytest

from minilm_demo import ui


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    return ui.build_page()


def not_plain(value, place: str) -> list[str]:
    """The places in a value that are no plain data. A function is copied as itself; a bound method takes its object
    along."""
    if isinstance(value, dict):
        return [found for name, part in value.items() for found in not_plain(part, f"{place}.{name}")]
    if isinstance(value, list | tuple):
        return [found for number, part in enumerate(value) for found in not_plain(part, f"{place}[{number}]")]
    plain = value is None or isinstance(value, str | int | float | bool | FunctionType)
    return [] if plain else [f"{place}: {type(value).__name__}"]


def test_the_configuration_is_plain_data(page):
    """A quoted word in a script that is a name of Gradio's, like `every`, became a bound method there; each visit then
    copied the whole page with the server's event loop, and every copy of that ended in a traceback."""
    assert not_plain(page.get_config_file(), "page") == []


def test_a_word_of_gradios_in_a_script_would_be_seen():
    with gr.Blocks() as page:
        gr.HTML("", js_on_load="// `every`")
    assert not_plain(page.get_config_file(), "page") != []


def test_scripts_name_the_events_that_are_listened_to(page):
    views = {block.elem_id: block for block in page.blocks.values() if isinstance(block, gr.HTML) and block.js_on_load}
    heard = {
        (elem_id, event)
        for function in page.fns.values()
        for block_id, event in function.targets
        for elem_id, block in views.items()
        if block._id == block_id
    }
    assert {("run", "finished"), ("run", "picked"), ("student", "finished")} <= heard
    assert all(f"'{event}'" in views[elem_id].js_on_load for elem_id, event in heard)
