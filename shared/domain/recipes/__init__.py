"""Recipes: how a published tool replaces the operating system from inside the instance, as data with a source for each line."""
