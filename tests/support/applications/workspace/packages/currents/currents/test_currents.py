from currents import describe


def test_describe():
    assert describe(3) == "three knots"
