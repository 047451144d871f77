"""``python -m cli``, for machines without the console script."""

from cli.main import main

main()
