# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small hot table of real rows, with what tables have in real life: a view, a grant, a comment, a constraint."""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

from playground import connection, flights

EVERY = 11  # of the flights one is kept, so that a copy takes seconds
EXTRAS = """
DROP ROLE IF EXISTS docs_reader;
CREATE ROLE docs_reader;
GRANT USAGE ON SCHEMA app TO docs_reader;
GRANT SELECT ON app.docs TO docs_reader;
COMMENT ON TABLE app.docs IS 'What the application keeps';
ALTER TABLE app.docs ADD CONSTRAINT body_is_an_object CHECK (jsonb_typeof(body) = 'object');
CREATE VIEW app.docs_of_united AS SELECT id, created_at FROM app.docs WHERE tenant_id = 'UA';
"""


def main() -> None:
    with psycopg.connect(connection.dsn(connection.read(Path(sys.argv[1]))), autocommit=True) as session:
        flights.load(session, "app", "docs", rows=flights.FLIGHTS)
        session.execute("DELETE FROM app.docs WHERE id %% %s <> 0", [EVERY])
        session.execute("VACUUM (FULL, ANALYZE) app.docs")
        session.execute(EXTRAS)


if __name__ == "__main__":
    main()
