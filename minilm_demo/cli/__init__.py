"""The command line: python -m minilm_demo …"""

from .command_line import main

__all__ = [
    "main",
]
