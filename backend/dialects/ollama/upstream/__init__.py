"""What we ask of Ollama over its native API, and how its answers are read."""
