from setuptools import setup

setup(name="lovelace", version="1.0", description="What a program runs on", py_modules=["lovelace"])
