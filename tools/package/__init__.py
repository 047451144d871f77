"""Builds what s.yaml deploys: one self-contained, reproducible zip per function. ``python -m tools.package --help``."""
