"""Tells which service stands on which version of the template: python -m fleet --help."""
