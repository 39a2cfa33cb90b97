"""What each command does with one input: options in, files out, in whatever process."""
