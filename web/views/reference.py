"""What is known about models and numbers."""

from flask import render_template

from shared import registry
from shared.cards import MAIN_FIGURES
from shared.distributions.fitness import OBSTACLE_TEXT, SIGN_TEXT, VERDICT_TEXT
from shared.distributions.sample import COUNTING_RULES
from shared.distributions.summary import Moments, Summary
from shared.quantities import PARTICLE_QUANTITIES, STATISTIC_QUANTITIES, quantities_of
from web.pages.models import model_line
from web.services import services


def models_page() -> str:
    """Show the models with what is known about them."""
    with services().database.reading() as session:
        models = [model_line(row) for row in registry.models(session)]
    return render_template("models.html", models=models, main_figures=tuple(MAIN_FIGURES.values()))


def definitions_page() -> str:
    """Show what every number means."""
    return render_template(
        "definitions.html",
        particle=PARTICLE_QUANTITIES,
        statistics=STATISTIC_QUANTITIES,
        of_distribution=(*quantities_of(Summary), *quantities_of(Moments)),
        counting_rules=COUNTING_RULES,
        verdicts=VERDICT_TEXT,
        signs=SIGN_TEXT,
        obstacles=OBSTACLE_TEXT,
    )
