"""A model's name within an address: with any number of slashes, also in front, as servers name models by their path."""

from __future__ import annotations

from werkzeug.routing import PathConverter


class ModelName(PathConverter):
    regex = ".+?"
    part_isolating = False  # a regex of one's own would make it end at the first slash
