import os

SECRET_KEY = os.environ.get("SECRET_KEY", "change me")
ALLOWED_HOSTS = ["*"]
ASGI_APPLICATION = "radio.asgi.application"
INSTALLED_APPS = ["daphne", "channels"]
ROOT_URLCONF = "radio.urls"
