"""The Python half of Tunicorn: the nursery that forks, the workers that run the application. Standard library only."""
