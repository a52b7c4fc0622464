"""The contract of a recipe: one table or figure of a paper. It is defined beside the study that runs recipes."""

from auxin.studies.recipe import Recipe

CONTRACT = Recipe
