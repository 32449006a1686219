import os


class Config:
    SQLALCHEMY_DATABASE_URI = os.environ.get("DATABASE_URL", "sqlite://")


class TestingConfig(Config):
    TESTING = True


config = {"default": Config, "testing": TestingConfig}
