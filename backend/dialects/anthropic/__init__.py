"""Anthropic's Messages API; this side faces clients, and there is no other."""
