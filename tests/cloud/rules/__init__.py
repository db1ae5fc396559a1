"""The rules that the models lack. Importing this package puts them in force."""

from . import buckets, functions, mappings, permissions, roles, triggers

__all__ = ["buckets", "functions", "mappings", "permissions", "roles", "triggers"]
