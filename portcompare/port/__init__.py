"""The port of a Flask project to Quart, made by rule."""
