"""The commands, a module each. A module here imports none of the others."""
