"""What the explorer runs of Copier: on this machine while the site is built, then in the browser.

Nothing here knows a question, an answer or a file of the template: all of it is asked of Copier.
"""
