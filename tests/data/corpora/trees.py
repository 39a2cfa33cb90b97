"""Small trees of files laid out as a corpus, and what is read from them."""


def build(root, *paths, tables=None):
    """Write non-empty files (their sound is never opened) and text tables below a folder."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"sound")
    for path, text in (tables or {}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def facts(reading, *names):
    return {u.path.relative_to(reading.root).as_posix(): tuple(getattr(u, n) for n in names) for u in reading}
