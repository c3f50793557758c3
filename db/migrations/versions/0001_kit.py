"""The tables of kit: facts, jobs, schedule, sandbox clock, mails."""

from alembic import op

revision = "0001_kit"
down_revision = None

UP = """
CREATE SCHEMA kit;

CREATE FUNCTION kit.forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: a correction is a new row', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TABLE kit.facts (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    payload jsonb NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX facts_recorded ON kit.facts (recorded_at DESC, id DESC);
CREATE TRIGGER facts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON kit.facts
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE kit.jobs (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    key text,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'dead')),
    last_error text,
    fence bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    died_at timestamptz,
    CHECK ((state = 'dead') = (died_at IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);
CREATE INDEX jobs_due ON kit.jobs (due_at, id) WHERE state = 'waiting';
CREATE INDEX jobs_dead ON kit.jobs (due_at, id) WHERE state = 'dead';
CREATE UNIQUE INDEX jobs_waiting_key ON kit.jobs (key) WHERE state = 'waiting' AND key IS NOT NULL;

CREATE TABLE kit.schedule_runs (
    task text NOT NULL,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (task, due_at)
);

CREATE TABLE kit.sandbox_clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    clock_offset interval NOT NULL DEFAULT '0' CHECK (clock_offset >= '0')
);
INSERT INTO kit.sandbox_clock DEFAULT VALUES;

CREATE TABLE kit.mails (
    id uuid PRIMARY KEY,
    recipient text NOT NULL,
    subject text NOT NULL,
    text_body text NOT NULL,
    html_body text,
    attachments jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL,
    sent_at timestamptz
);
CREATE INDEX mails_created ON kit.mails (created_at DESC, id DESC);
"""

DOWN = """
DROP SCHEMA kit CASCADE;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
