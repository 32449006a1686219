from flask import Blueprint

from . import db
from .models import Buoy

main = Blueprint("main", __name__)


@main.route("/")
def index():
    return {"buoys": db.session.query(Buoy).count()}
