"""The HTTP servers that the app runs in."""
