"""What is known about models and numbers."""

from flask import render_template

from shared import registry
from shared.cards import MAIN_FIGURES
from shared.definitions import LEAD, sections
from web.pages.models import model_line
from web.services import services


def models_page() -> str:
    """Show the models with what is known about them."""
    with services().database.reading() as session:
        models = [model_line(row) for row in registry.models(session)]
    return render_template("models.html", models=models, main_figures=tuple(MAIN_FIGURES.values()))


def definitions_page() -> str:
    """Show what every number means."""
    return render_template("definitions.html", lead=LEAD, sections=sections())
