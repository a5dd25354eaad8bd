"""The synchronous face: transport.py, and what the build makes of warren._async."""
