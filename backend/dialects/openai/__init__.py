"""OpenAI's wire formats: this side faces clients, `upstream` faces servers."""
