"""The web app's front door: builds the page and serves it. Workers run this file again under another name, so
everything stands under the guard."""

if __name__ == "__main__":
    import os

    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from minilm_demo import ui

    ui.launch()
