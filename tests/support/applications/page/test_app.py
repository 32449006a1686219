import unittest

from app import app


class IndexTest(unittest.TestCase):
    def test_it_names_the_harbour(self):
        self.assertIn("Tides of Kiel", app.test_client().get("/").text)
