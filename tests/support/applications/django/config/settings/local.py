from .base import *  # noqa

DEBUG = True
SECRET_KEY = "only for this machine"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
INSTALLED_APPS += ["django_extensions"]  # which only local.txt has
