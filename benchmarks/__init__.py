"""Measurements of the template beside what one would write instead."""
