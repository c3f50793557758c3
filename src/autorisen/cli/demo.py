"""`autorisen demo`: seed the demo."""

from __future__ import annotations

import typer

app = typer.Typer(help="The demo: two customers with a day of real LLM usage.", no_args_is_help=True)


@app.callback()
def demo() -> None:
    """The demo: two customers with a day of real LLM usage."""
