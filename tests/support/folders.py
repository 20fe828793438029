# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of pytest's, which lets only their owner in."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path


def opened(folder: Path) -> Path:
    """The folder, in which every account may look, however deep below the one for temporary files it is."""
    top = Path(tempfile.gettempdir()).resolve()
    for one in itertools.takewhile(lambda part: part.is_relative_to(top) and part != top, (folder, *folder.parents)):
        one.chmod(0o755)
    return folder
