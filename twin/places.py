"""What the directory of a fleet of twins holds."""

from __future__ import annotations

BOARDS = "boards"
"""A directory for each board."""
RECORD = "twin.json"
"""The process that runs, and where it listens."""
SERVER, SERVER_ANSWER = "download.json", "download.ports"
"""The process that serves boards in download mode, and what it said."""
LOG = "twin.log"
LOCK = "twin.lock"

FLASH, BOARD_RECORD = "flash.bin", "board.json"
"""Of a board: its flash, and what is burnt into its chip."""
