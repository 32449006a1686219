from .base import *  # noqa

SECRET_KEY = "only for tests"
