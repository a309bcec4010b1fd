"""`python scripts/command_line PROGRAM WORD...`: PROGRAM is the launcher as it was typed."""

from __future__ import annotations

import sys
from pathlib import Path

# Python puts this folder there; its modules would then be found under two names.
sys.path[0] = str(Path(__file__).resolve().parents[2])

if __name__ == "__main__":
    from scripts.command_line.program import main

    main(sys.argv[1:])
