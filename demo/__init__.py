"""The main job in one command: a small program crashes, and a pull request with its fix comes out."""
