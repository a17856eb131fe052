"""One HTTP/1.1 exchange with one backend: connect, send, receive, close. Nothing here knows what a body means."""
