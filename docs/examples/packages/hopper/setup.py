from setuptools import setup

setup(name="hopper", version="1.2", description="Counts in her own way", py_modules=["hopper"], install_requires=["lovelace>=1"])
