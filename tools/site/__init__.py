"""Builds the explorer: a page that renders the template in the browser, from static files."""
