"""The generated pages, one module each: ``render()`` gives the text that must stand in the repository."""
