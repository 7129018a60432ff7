"""The web app: builds the page and serves it. Worker processes import this file under another name, so all code is
under the guard."""

if __name__ == "__main__":
    from minilm_demo import ui

    ui.launch()
