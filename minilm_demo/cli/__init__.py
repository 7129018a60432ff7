"""The command line, `python -m minilm_demo …`: parses arguments, calls the jobs and prints their results."""

from .command_line import main

__all__ = [
    "main",
]
