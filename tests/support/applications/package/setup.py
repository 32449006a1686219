from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="berths",
    version="2.3.0",
    long_description=Path("README.md").read_text(),
    packages=find_packages(exclude=["tests"]),
    python_requires=">=3.9,<3.14",
    install_requires=["Flask>=3", "gunicorn<24"],
    extras_require={"test": ["pytest", "beautifulsoup4"]},
)
