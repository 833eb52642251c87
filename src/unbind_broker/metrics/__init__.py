"""What a process tells Prometheus about itself, and about the whole broker."""
