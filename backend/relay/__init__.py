"""One exchange between a client and a backend: the client's half, the backend's half, and what is measured."""
