"""The rules that the models lack. Importing this package puts them in force."""

from . import balancers, buckets, edge, functions, mappings, methods, permissions, roles, routes, stacks, triggers

__all__ = ["balancers", "buckets", "edge", "functions", "mappings", "methods", "permissions", "roles", "routes", "stacks", "triggers"]
