"""What the commands leave: files, pages, films, and exports for other programs."""
