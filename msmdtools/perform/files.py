"""Files that have their final name only when they are whole."""

import hashlib
import os
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> str:
    """Write `content` beside `path`, then rename it to `path`; return its sha256."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return hashlib.sha256(content).hexdigest()
