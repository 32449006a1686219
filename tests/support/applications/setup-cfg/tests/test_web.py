from lighthouse.web import application
from webtest import TestApp


def test_the_light_is_lit():
    assert TestApp(application).get("/").json == {"lit": True}
