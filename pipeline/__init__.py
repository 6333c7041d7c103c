"""What the commands are made of: called, never run; nothing here imports from the top."""
