"""The gateway's own API: the course's /chat, and what is told of models and pulls."""
