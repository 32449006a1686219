from django.core.management.utils import get_random_secret_key

from .base import *  # noqa
from .base import env

if env.bool("FLASK_DEBUG", default=False):
    raise RuntimeError("these are not the settings of development")
SECRET_KEY = env("DJANGO_SECRET_KEY", default=get_random_secret_key())
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
MIDDLEWARE.insert(0, "whitenoise.middleware.WhiteNoiseMiddleware")
