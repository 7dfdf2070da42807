"""The parts of serve.py. Standard library only."""
