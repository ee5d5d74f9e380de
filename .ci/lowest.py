"""Print the lowest versions that pyproject.toml allows, as constraints for pip.

Dependencies and the extras named as arguments, by which `make test-lowest` makes an environment. PyTorch is
left out: its oldest builds come with gigabytes of CUDA, or from an index of its own.
"""

import re
import sys
import tomllib
from pathlib import Path

LEFT_OUT = {"torch"}


def lowest(extras: list[str]) -> list[str]:
    """Lines NAME==VERSION for all dependencies that say from which version on they will do."""
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    found = [re.fullmatch(r"([\w-]+)>=([\w.]+)", one) for one in wanted]
    return [f"{m[1]}=={m[2]}" for m in found if m and m[1] not in LEFT_OUT]


if __name__ == "__main__":
    print("\n".join(lowest(sys.argv[1:])))
