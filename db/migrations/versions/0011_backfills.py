"""Backfills: files of usage that are taken in, and taken back, as one."""

from alembic import op

revision = "0011_backfills"
down_revision = "0010_repairs"

UP = """
-- `metering.imports` stays for the release before this one; nothing here reads it.
CREATE TABLE metering.backfills (
    id uuid PRIMARY KEY,
    tag text NOT NULL CHECK (tag <> '' AND length(tag) <= 120),
    actor text NOT NULL,
    file_name text NOT NULL,
    file_digest bytea NOT NULL,
    -- Of content and options: what an interrupted backfill is found by.
    digest bytea NOT NULL,
    options json NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'done', 'reverting', 'reverted')),
    rows bigint NOT NULL CHECK (rows >= 0),
    next_row bigint NOT NULL DEFAULT 0,
    accepted bigint NOT NULL DEFAULT 0 CHECK (accepted >= 0),
    restored bigint NOT NULL DEFAULT 0 CHECK (restored >= 0),
    duplicates bigint NOT NULL DEFAULT 0 CHECK (duplicates >= 0),
    conflicts bigint NOT NULL DEFAULT 0 CHECK (conflicts >= 0),
    rejected bigint NOT NULL DEFAULT 0 CHECK (rejected >= 0),
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    reverted_upto uuid,
    reverted_events bigint NOT NULL DEFAULT 0 CHECK (reverted_events >= 0),
    reverted_at timestamptz,
    reverted_by text,
    CHECK (next_row = accepted + restored + duplicates + conflicts + rejected),
    CHECK (state <> 'done' OR finished_at IS NOT NULL),
    CHECK ((state = 'reverted') = (reverted_at IS NOT NULL))
);
-- What was reverted is over: its tag and its file are free again.
CREATE UNIQUE INDEX backfills_tag ON metering.backfills (tag) WHERE state <> 'reverted';
CREATE UNIQUE INDEX backfills_digest ON metering.backfills (digest) WHERE state <> 'reverted';
CREATE TRIGGER backfills_kept BEFORE DELETE OR TRUNCATE ON metering.backfills
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

ALTER TABLE metering.batches ADD COLUMN backfill_id uuid REFERENCES metering.backfills (id);
CREATE INDEX batches_backfill ON metering.batches (backfill_id, id) WHERE backfill_id IS NOT NULL;
"""

DOWN = """
ALTER TABLE metering.batches DROP COLUMN backfill_id;
DROP TABLE metering.backfills;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
