"""The generated pages, one module each. ``render()`` returns the text for the repository."""
