from flask import Flask

from .pages import pages


def create_app(settings=None):
    app = Flask(__name__)
    app.config.update(settings or {})
    app.register_blueprint(pages, url_prefix="/berths")
    return app
