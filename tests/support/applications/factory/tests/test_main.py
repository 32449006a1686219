from app import create_app, db


def test_there_is_no_buoy_yet():
    app = create_app("testing")
    with app.app_context():
        db.create_all()
    assert app.test_client().get("/").json == {"buoys": 0}
