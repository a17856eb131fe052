"""Models that are not on this machine yet: from the Python index, or from an address."""
