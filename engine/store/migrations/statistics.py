"""PostgreSQL's planner keeps samples of what columns hold (``pg_statistic``), also of rows that are gone.

What must be forgotten with its row is therefore never sampled: sealed values, keys, salts, and the indexes by
which people are found. These are looked up by equality alone, where a sample would tell the planner nothing.
"""

from __future__ import annotations

# Setting a column's type to what it is rewrites nothing, and drops the samples that there are of it
# (https://www.postgresql.org/docs/current/sql-altertable.html, notes). A column that a trigger names can't be
# set so: its samples are of ciphertext, whose keys go when a person is erased.
_FORGETTING = """
DO $$
DECLARE one record; tab text; col text;
BEGIN
  FOR one IN
    SELECT c.table_name, c.column_name, c.data_type
    FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'
      AND (c.data_type = 'bytea' OR c.column_name IN ('link', 'email_link', 'subject_link', 'user_name_link',
           'external_id_link', 'body_mac', 'dedup_key', 'mark', 'code_mac'))
  LOOP
    tab := quote_ident(one.table_name);
    col := quote_ident(one.column_name);
    EXECUTE 'ALTER TABLE ' || tab || ' ALTER COLUMN ' || col || ' SET STATISTICS 0';
    BEGIN
      EXECUTE 'ALTER TABLE ' || tab || ' ALTER COLUMN ' || col || ' TYPE ' || one.data_type;
    EXCEPTION WHEN feature_not_supported THEN NULL;
    END;
  END LOOP;
END $$
"""


def forgetting(dialect: str) -> list[str]:
    """No more samples of whatever tells of people, and none that were taken before."""
    return [_FORGETTING] if dialect == "postgresql" else []
