"""Passerelle: one well-behaved API and one good page in front of local language models."""

__version__ = "0.2.0"
