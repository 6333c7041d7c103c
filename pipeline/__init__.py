"""Modules that the commands use. They are not commands, and import nothing from the top folder."""
