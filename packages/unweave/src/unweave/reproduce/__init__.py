"""Experiments of the papers, each a recipe: an experiment, and what was published."""

from unweave.reproduce.recipe import Recipe, read_recipe, recipe_names
from unweave.reproduce.reproduction import reproduce

__all__ = ["Recipe", "read_recipe", "recipe_names", "reproduce"]
