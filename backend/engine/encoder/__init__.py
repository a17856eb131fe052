"""Small embedding models that come as Python packages, each run as a child process."""
