"""The page's theme: Gradio's variables set to the tokens of `assets/page.css`, and fonts from Gradio's own package (no
other host is requested)."""

import gradio as gr

from ..shipped import shipped

CSS = shipped("assets/page.css")
PAGE_SCRIPT = f'<script type="module">{shipped("assets/page.js").read_text(encoding="utf-8")}</script>'

# Gradio's variable -> its value, in which the tokens are light or dark by themselves.
CONTROLS = {
    "body_background_fill": "var(--ground)",
    "body_text_color": "var(--ink)",
    "body_text_color_subdued": "var(--ink3)",
    "background_fill_primary": "var(--paper)",
    "background_fill_secondary": "var(--ground)",
    "border_color_primary": "var(--line)",
    "border_color_accent": "var(--ink)",
    "color_accent": "var(--focus)",
    "color_accent_soft": "var(--ground)",
    "link_text_color": "var(--ink)",
    "link_text_color_hover": "var(--ink2)",
    "link_text_color_active": "var(--ink)",
    "link_text_color_visited": "var(--ink)",
    "loader_color": "var(--ink)",
    "slider_color": "var(--ink)",
    "block_background_fill": "var(--paper)",
    "block_border_color": "var(--line)",
    "block_info_text_color": "var(--ink3)",
    "block_label_background_fill": "var(--paper)",
    "block_label_border_color": "var(--line)",
    "block_label_text_color": "var(--ink2)",
    "block_title_background_fill": "transparent",
    "block_title_text_color": "var(--ink2)",
    "panel_background_fill": "var(--paper)",
    "panel_border_color": "var(--line)",
    "accordion_text_color": "var(--ink)",
    "input_background_fill": "var(--paper)",
    "input_background_fill_focus": "var(--paper)",
    "input_border_color": "var(--edge)",
    "input_border_color_focus": "var(--ink)",
    "input_border_color_hover": "var(--ink3)",
    "input_placeholder_color": "var(--ink3)",
    "checkbox_background_color": "var(--paper)",
    "checkbox_background_color_hover": "var(--paper)",
    "checkbox_background_color_selected": "var(--press)",
    "checkbox_border_color": "var(--edge)",
    "checkbox_border_color_focus": "var(--focus)",
    "checkbox_border_color_hover": "var(--ink3)",
    "checkbox_border_color_selected": "var(--press)",
    "checkbox_label_background_fill": "var(--paper)",
    "checkbox_label_background_fill_hover": "var(--ground)",
    "checkbox_label_background_fill_selected": "var(--press)",
    "checkbox_label_border_color": "var(--edge)",
    "checkbox_label_border_color_hover": "var(--ink3)",
    "checkbox_label_border_color_selected": "var(--press)",
    "checkbox_label_text_color": "var(--ink)",
    "checkbox_label_text_color_selected": "var(--press-ink)",
    "button_primary_background_fill": "var(--press)",
    "button_primary_background_fill_hover": "var(--ink2)",
    "button_primary_border_color": "var(--press)",
    "button_primary_text_color": "var(--press-ink)",
    "button_secondary_background_fill": "var(--paper)",
    "button_secondary_background_fill_hover": "var(--ground)",
    "button_secondary_border_color": "var(--edge)",
    "button_secondary_border_color_hover": "var(--ink3)",
    "button_secondary_text_color": "var(--ink)",
    "button_cancel_background_fill": "var(--paper)",
    "button_cancel_text_color": "var(--ink)",
    "table_border_color": "var(--line)",
    "table_even_background_fill": "var(--paper)",
    "table_odd_background_fill": "var(--ground)",
    "table_text_color": "var(--ink)",
    "table_row_focus": "var(--ground)",
}
SHAPES = {
    "block_border_width": "0px",
    "block_label_shadow": "none",
    "block_label_text_size": "13px",
    "block_label_text_weight": "700",
    "block_padding": "0px",
    "block_radius": "8px",
    "block_shadow": "none",
    "block_title_border_width": "0px",
    "block_title_padding": "0px",
    "block_title_radius": "0px",
    "block_title_text_size": "13px",
    "block_title_text_weight": "700",
    "block_info_text_size": "13px",
    "body_text_size": "15px",
    "button_border_width": "1px",
    "button_large_padding": "10px 16px",
    "button_large_radius": "8px",
    "button_large_text_size": "15px",
    "button_large_text_weight": "700",
    "button_medium_padding": "7px 12px",
    "button_medium_radius": "8px",
    "button_medium_text_size": "14px",
    "button_medium_text_weight": "400",
    "button_transform_active": "none",
    "button_transform_hover": "none",
    "checkbox_border_width": "1.5px",
    "checkbox_label_border_width": "1px",
    "checkbox_label_gap": "6px",
    "checkbox_label_padding": "5px 10px",
    "checkbox_label_shadow": "none",
    "checkbox_label_text_size": "14px",
    "container_radius": "10px",
    "form_gap_width": "16px",
    "input_border_width": "1px",
    "input_padding": "9px 12px",
    "input_radius": "8px",
    "input_shadow": "none",
    "input_shadow_focus": "none",
    "input_text_size": "15px",
    "layout_gap": "16px",
    "table_radius": "8px",
    **{
        f"button_{kind}_shadow{state}": "none"
        for kind in ("primary", "secondary", "cancel")
        for state in ("", "_active", "_hover")
    },
}


def theme() -> gr.themes.Base:
    """Ink for controls, IBM Plex in its two complete weights (the bundled 600 files lack letters)."""
    plex = [gr.themes.LocalFont(name, weights=(400, 700)) for name in ("IBM Plex Sans", "IBM Plex Mono")]
    base = gr.themes.Base(
        primary_hue="slate",
        neutral_hue="slate",
        font=[plex[0], "ui-sans-serif", "sans-serif"],
        font_mono=[plex[1], "ui-monospace", "monospace"],
    )
    values = CONTROLS | SHAPES
    dark = {f"{name}_dark": value for name, value in values.items() if hasattr(base, f"{name}_dark")}
    return base.set(**values, **dark)
