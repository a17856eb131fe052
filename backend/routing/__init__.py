"""Which backend answers for which model."""
