"""The embedded llama.cpp, run as a child process."""
