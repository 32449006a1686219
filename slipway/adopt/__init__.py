"""Gives an existing Python application the containers, CI and scripts of the template."""
