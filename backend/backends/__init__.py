"""The servers we call. What is peculiar to one server lives in that server's file and nowhere else."""
