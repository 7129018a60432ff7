"""The page's theme: colours, fonts from Gradio's own package (no other host is requested), and a CSS file."""

import gradio as gr

from ..shipped import shipped

CSS = shipped("assets/page.css")


def theme() -> gr.themes.Base:
    """IBM Plex in its two complete weights (the bundled 600 files lack letters), orange as the primary colour."""
    plex = [gr.themes.LocalFont(name, weights=(400, 700)) for name in ("IBM Plex Sans", "IBM Plex Mono")]
    return gr.themes.Soft(
        primary_hue="orange",
        neutral_hue="slate",
        font=[plex[0], "ui-sans-serif", "sans-serif"],
        font_mono=[plex[1], "ui-monospace", "monospace"],
    ).set(
        block_label_text_color="*neutral_800",
        block_title_text_color="*neutral_800",
        block_title_background_fill_dark="*primary_700",  # white on the theme's 600 is hard to read
        block_label_background_fill_dark="*primary_700",
        block_label_text_color_dark="white",
        block_title_text_weight="700",
        link_text_color_dark="*primary_300",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited_dark="*primary_300",
        link_text_color_active_dark="*primary_200",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
        checkbox_label_background_fill_selected="*primary_700",
        checkbox_label_background_fill_selected_dark="*primary_700",
    )
