"""What we ask of OpenAI-compatible servers, and how their answers are read."""
