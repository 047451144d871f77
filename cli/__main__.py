"""Runs the command line as ``python -m cli``, for machines where the script `replank` is not installed."""

from cli.main import main

main()
