"""What this template teaches Jinja: copier.yml lists the modules, and Copier loads each anew.

None imports another: Python would keep the old version's while an update renders the new one.
"""
