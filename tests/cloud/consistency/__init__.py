"""Where AWS is of two minds for a while. Importing this package puts it in force."""

from . import crowds, functions, mappings, names, newborn, stacks, tagging

__all__ = ["crowds", "functions", "mappings", "names", "newborn", "stacks", "tagging"]
