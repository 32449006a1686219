import humanize


def describe(knots: float) -> str:
    return f"{humanize.apnumber(knots)} knots"
