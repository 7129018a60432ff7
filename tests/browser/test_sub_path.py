"""The page below a path of another server: everything that it fetches and links to stays below that path."""

import zipfile
from functools import partial
from urllib.parse import urlsplit

import httpx
import pytest
from reverse_proxy import reverse_proxy
from running_app import running_app

from minilm_demo import runs
from minilm_demo.jobs.configs import TrainConfig
from minilm_demo.jobs.finetuning import finetune
from minilm_demo.tasks import get_task

PREFIX = "/lab/minilm"


@pytest.mark.parametrize("strips", [True, False], ids=["the prefix is taken off", "the prefix is passed on"])
def test_everything_stays_below_the_path(open_page, own_home, tiny_checkpoint, strips):
    config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=2, eval_examples=16)
    record = runs.create_run("finetune", get_task("sst2"), config, "page")
    *_, last = runs.record_events(record, partial(finetune, "sst2", record.config))
    assert last.status == "completed", last.message
    with (
        running_app(own_home, GRADIO_ROOT_PATH=PREFIX) as app,
        reverse_proxy(app, PREFIX, strips=strips) as address,
    ):
        page = open_page()
        answers = []
        page.on("response", lambda answer: answers.append((urlsplit(answer.url).path, answer.status)))
        page.goto(f"{address}?run={record.run_id}")
        page.locator("#run [data-status=completed]").wait_for()
        for name, drawn in (("Predict", "#answer .mlm-lane"), ("Attention", "canvas"), ("Distil", "#microscope")):
            page.get_by_role("tab", name=name, exact=True).click()
            page.locator(f"{drawn} >> visible=true").first.wait_for()
        page.get_by_role("tab", name="Fine-tune").click()
        with page.expect_download() as download:
            page.click("#download")
        assert "config.json" in zipfile.ZipFile(download.value.path()).namelist()
        assert urlsplit(download.value.url).path == f"{PREFIX}/runs/{record.run_id}.zip"
        assert len(answers) > 50
        assert [(path, status) for path, status in answers if not path.startswith(PREFIX) or status >= 400] == []
        links = page.eval_on_selector_all("[href], [src]", "(them) => them.map((one) => one.href ?? one.src)")
        ours = [urlsplit(link) for link in links if link.startswith("http://127.0.0.1")]
        assert ours and [link.path for link in ours if not link.path.startswith(PREFIX)] == []
        assert httpx.get(f"{address}healthz").text == "ok"
        page.close()  # before its event stream breaks off
