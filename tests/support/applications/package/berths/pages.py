from flask import Blueprint, jsonify

pages = Blueprint("pages", __name__)


@pages.route("/")
def index():
    return jsonify(free=7)
