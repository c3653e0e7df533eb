"""What changed between two windows or inputs."""
