"""How pages look and how they are rendered: base templates, components, static files, `render()`.

Owns no data. Every capability may use it; it knows none of them. A page is a template beside its capability, one
frozen dataclass as its context, and a call of `render()`. docs/howto/pages.md shows how to add one.
"""

from autorisen.ui.assets import static_router, static_url
from autorisen.ui.flash import Flash, flash
from autorisen.ui.problem_page import render_problem
from autorisen.ui.render import render
from autorisen.ui.viewer import Viewer

__all__ = ["Flash", "Viewer", "flash", "render", "render_problem", "static_router", "static_url"]
