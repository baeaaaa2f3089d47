"""Cut the icon sprite down to the icons that are named in static/vendor/icons/icons.txt.

Run it with the full sprite of @tabler/icons-sprite (see static/vendor/VERSIONS.md):
    python scripts/cut_icons.py path/to/tabler-sprite.svg
"""

import re
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent / "static" / "vendor" / "icons"
SYMBOL = re.compile(r'<symbol id="tabler-([a-z0-9-]+)"[^>]*>(.*?)</symbol>', re.DOTALL)
FRAME = re.compile(r'<path stroke="none" d="M0 0h24v24H0z"[^>]*/>')


def cut(sprite: str, names: list[str]) -> str:
    """Return a sprite with only these icons; strokes are left to the style sheet."""
    found = {name: FRAME.sub("", body).strip() for name, body in SYMBOL.findall(sprite)}
    missing = sorted(set(names) - set(found))
    if missing:
        raise SystemExit(f"The sprite has no icon called: {', '.join(missing)}")
    symbols = [f'<symbol id="{name}" viewBox="0 0 24 24">{found[name]}</symbol>' for name in names]
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def main() -> None:
    """Write sprite.svg beside the list of names."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    names = sorted(set((HOME / "icons.txt").read_text(encoding="utf-8").split()))
    sprite = Path(sys.argv[1]).read_text(encoding="utf-8")
    (HOME / "sprite.svg").write_text(cut(sprite, names), encoding="utf-8")


if __name__ == "__main__":
    main()
