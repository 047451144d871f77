"""Recipes describe how a published tool replaces the operating system from inside the instance. A recipe is data, and each line of
a recipe has its source.
"""
