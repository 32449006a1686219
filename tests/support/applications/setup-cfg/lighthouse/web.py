from bottle import Bottle

application = Bottle()


@application.route("/")
def index():
    return {"lit": True}
