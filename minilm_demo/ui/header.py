"""The header: mark and name at the left of the tabs, tools at their right."""

from __future__ import annotations

import gradio as gr

MARK = """<h1 class="page-mark"><svg width="26" height="26" viewBox="0 0 26 26" fill="none" stroke="currentColor" \
stroke-width="2" aria-hidden="true"><path d="M3 20C3 9 23 9 23 20"/>\
<path class="page-mark-inner" d="M8 20c0-6 10-6 10 0"/>\
<circle cx="3" cy="21" r="1.6" fill="currentColor" stroke="none"/><circle cx="23" cy="21" r="1.6" fill="currentColor" \
stroke="none"/></svg><span>MiniLM Demo</span></h1>"""

# navigator.clipboard is missing on pages without TLS, such as those of a machine in the class room.
COPY_LINK = """async () => {
  const button = document.querySelector("#copy-link");
  try {
    await navigator.clipboard.writeText(location.href);
  } catch {
    const box = Object.assign(document.createElement("textarea"), { value: location.href });
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy link"; }, 1500);
}"""

SWITCH_THEME = """() => {
  const theme = document.body.classList.toggle("dark") ? "dark" : "light";
  localStorage.setItem("minilm-demo-theme", theme);
}"""

KEEP_THEME = """() => {
  const theme = localStorage.getItem("minilm-demo-theme");
  if (!theme || new URL(location.href).searchParams.has("__theme")) return;
  document.body.classList.toggle("dark", theme === "dark");
}"""


def build_header() -> None:
    """Mark, name and tools. The choice of dark or light is kept in the browser."""
    with gr.Row(elem_classes="page-head"):
        gr.HTML(MARK, elem_classes="page-mark-box")
        with gr.Row(elem_classes="page-tools"):
            link = gr.Button("Copy link", size="sm", elem_id="copy-link")
            theme = gr.Button("Dark or light", size="sm", elem_id="switch-theme")
    link.click(None, js=COPY_LINK, api_visibility="private")
    theme.click(None, js=SWITCH_THEME, api_visibility="private")
    gr.on(None, None, js=KEEP_THEME, api_visibility="private")  # without triggers: when the page loads
