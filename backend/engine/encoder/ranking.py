"""Crosses how near documents are in meaning with how many words of the query they hold. Runs in the child only.

One alone is not enough: an embedding does not tell E4411 from E4412, and words alone find nothing in another language.
"""

from __future__ import annotations

import re
import unicodedata
from math import log

import bm25s
import numpy as np
from bm25s import stopwords
from numpy.typing import NDArray

from backend.engine.encoder.loading import Vectors

_WORDS = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|\w+")
"""A letter of Thai, Japanese or Chinese, which write without spaces, counts as a word."""


def relevance(query: str, documents: list[str], asked: Vectors, vectors: Vectors) -> list[float]:
    """A number from 0 to 1 for each document: 1 - (1 - cosine) / 2 * (1 - words).

    A document is relevant if it means what the query means, or if it holds the query's words; words that every
    document holds count next to nothing, so a query in other words is judged by its meaning alone. `asked` is the
    query's vector, `vectors` one for each document.
    """
    far = (1.0 - np.clip(_unit(vectors) @ _unit(asked), -1.0, 1.0)) / 2.0
    return [float(score) for score in 1.0 - far * (1.0 - share_of_words(query, documents))]


def share_of_words(query: str, documents: list[str]) -> NDArray[np.float64]:
    """BM25 of each document, as a share of what one would get that alone holds every word of the query: 0 to 1."""
    texts = [words(document) for document in documents]
    asked = words(query)
    if not asked or not any(texts):
        return np.zeros(len(documents))
    index = bm25s.BM25(method="lucene")
    index.index(texts, show_progress=False, leave_progress=False)
    alone = log(1 + (len(documents) - 0.5) / 1.5)  # Lucene's weight of a word that one document has
    scores: NDArray[np.float64] = index.get_scores(asked) / (alone * len(asked))
    return np.clip(scores, 0.0, 1.0)


def words(text: str) -> list[str]:
    """Without accents, capitals, and the words that say nothing in French or English."""
    return [word for word in _WORDS.findall(_plain(text)) if word not in _STOP]


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


_STOP = frozenset(_plain(word) for word in (*stopwords.STOPWORDS_EN_PLUS, *stopwords.STOPWORDS_FRENCH))


_SHORTEST = np.float32(1e-12)


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _SHORTEST)
    return unit
