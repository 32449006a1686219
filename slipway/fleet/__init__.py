"""Looks after all repositories that were made from the template: slipway fleet --help."""
