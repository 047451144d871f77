"""Recipes describe how a published tool replaces the operating system from inside the instance. They are data, and each line has
its source.
"""
