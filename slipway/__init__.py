"""Slipway, the program: makes, adopts and looks after services that come from the template."""
