from . import db


class Buoy(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    colour = db.Column(db.String(20), nullable=False)
