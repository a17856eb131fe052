"""What is told about an exchange after it ended: figures and log lines, never prompts or answers."""
