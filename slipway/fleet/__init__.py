"""Tells which service stands on which version of the template: python -m slipway.fleet --help."""
