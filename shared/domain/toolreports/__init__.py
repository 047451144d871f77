"""Reads the reports of upgrade tools as findings. The functions are pure, and skip what they do not understand."""
