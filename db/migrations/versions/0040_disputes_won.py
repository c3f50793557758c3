"""A bank may give in: a disputed payment is paid again, its invoice is not disputed, and its credits come back.

Where that has happened there is no way down: the release before can't say it, and its constraints refuse.
"""

from alembic import op

revision = "0040_disputes_won"
down_revision = "0039_gateway_fees"

# The end of a dispute takes its mark away; another day of its beginning it never gets.
MARK = "OR (OLD.disputed_at IS NOT NULL AND NEW.disputed_at IS DISTINCT FROM OLD.disputed_at)"
MARK_ENDS = "OR (OLD.disputed_at <> NEW.disputed_at)"
TOP_UP = "'paid>returned', 'returned>returned'"
TOP_UP_BACK = "'paid>returned', 'returned>returned', 'returned>paid'"

REPLACE = """
DO $do$
DECLARE
    known text := pg_get_functiondef('billing.{function}()'::regprocedure);
BEGIN
    ASSERT position($old${old}$old$ IN known) > 0, 'billing.{function} is not the one that is known';
    EXECUTE replace(known, $old${old}$old$, $new${new}$new$);
END
$do$;
"""

MOVEMENTS = """
ALTER TABLE billing.wallet_movements
    DROP CONSTRAINT wallet_movements_check, DROP CONSTRAINT wallet_movements_kind_check,
    ADD CONSTRAINT wallet_movements_check CHECK (amount_minor <> 0 AND (kind IN ('grant', 'return'{adds}))
        = (amount_minor > 0)),
    ADD CONSTRAINT wallet_movements_kind_check
        CHECK (kind IN ('grant', 'draw', 'expire', 'return', 'void'{adds}));
"""

UP = (
    """
ALTER TABLE payments.payments ADD COLUMN disputes_won integer NOT NULL DEFAULT 0 CHECK (disputes_won >= 0);
ALTER TABLE sandbox.charges ADD COLUMN disputes_won integer NOT NULL DEFAULT 0 CHECK (disputes_won >= 0);
INSERT INTO payments.allowed_steps (from_status, to_status) VALUES ('disputed', 'succeeded');
-- Disputes may come again, and are won again; every other state is reached once.
ALTER TABLE payments.history DROP CONSTRAINT history_payment_id_to_status_key;
CREATE UNIQUE INDEX history_reached_once ON payments.history (payment_id, to_status)
    WHERE to_status <> 'disputed' AND from_status <> 'disputed';
CREATE INDEX history_of_payment ON payments.history (payment_id, id);
"""
    + MOVEMENTS.format(adds=", 'release'")
    + REPLACE.format(function="keep_invoice", old=MARK, new=MARK_ENDS)
    + REPLACE.format(function="keep_top_up", old=TOP_UP, new=TOP_UP_BACK)
)

DOWN = (
    REPLACE.format(function="keep_top_up", old=TOP_UP_BACK, new=TOP_UP)
    + REPLACE.format(function="keep_invoice", old=MARK_ENDS, new=MARK)
    + MOVEMENTS.format(adds="")
    + """
DROP INDEX payments.history_of_payment, payments.history_reached_once;
ALTER TABLE payments.history ADD CONSTRAINT history_payment_id_to_status_key UNIQUE (payment_id, to_status);
ALTER TABLE payments.allowed_steps DISABLE TRIGGER allowed_steps_fixed;
DELETE FROM payments.allowed_steps WHERE from_status = 'disputed' AND to_status = 'succeeded';
ALTER TABLE payments.allowed_steps ENABLE TRIGGER allowed_steps_fixed;
ALTER TABLE sandbox.charges DROP COLUMN disputes_won;
ALTER TABLE payments.payments DROP COLUMN disputes_won;
"""
)


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
