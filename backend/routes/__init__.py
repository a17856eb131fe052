"""URL tables, one file an API. No JSON shapes here: those are the dialects'."""
