"""Ollama's own wire format: `upstream` faces its server."""
