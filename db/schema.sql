-- Written by `make schema` from db/migrations; tests/migrations holds it to them. Do not edit.

CREATE SCHEMA accounts;

CREATE SCHEMA billing;

CREATE SCHEMA catalog;

CREATE SCHEMA kit;

CREATE SCHEMA ledger;

CREATE SCHEMA metering;

CREATE SCHEMA payments;

CREATE SCHEMA sandbox;

CREATE SCHEMA subscriptions;

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

COMMENT ON EXTENSION btree_gist IS 'support for indexing common datatypes in GiST';

CREATE FUNCTION billing.add_credit_note() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE billing.invoices SET
        credited_minor = credited_minor + NEW.total_minor,
        credited_tax_minor = credited_tax_minor + NEW.tax_minor,
        credited_due_minor = credited_due_minor + NEW.due_minor
    WHERE id = NEW.invoice_id AND customer_id = NEW.customer_id AND currency = NEW.currency
        AND (status = 'open' OR (status = 'paid' AND NEW.due_minor = 0));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such claim to take back' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;

END
$$;

CREATE FUNCTION billing.chain_counts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.since IS DISTINCT FROM (SELECT max(until) FROM billing.revenue_counts)
        AND EXISTS (SELECT FROM billing.revenue_counts) THEN
        RAISE EXCEPTION 'a count begins where the last one ends' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION billing.check_credit_note_sums() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    checked uuid := CASE TG_TABLE_NAME WHEN 'credit_notes' THEN to_jsonb(NEW) ->> 'id'
        ELSE to_jsonb(NEW) ->> 'credit_note_id' END;
    difference record;

BEGIN
    SELECT n.total_minor - coalesce(sum(l.amount_minor), 0) AS total, n.tax_minor - coalesce(sum(l.tax_minor), 0) AS tax
        INTO difference
        FROM billing.credit_notes n LEFT JOIN billing.credit_note_lines l ON l.credit_note_id = n.id
        WHERE n.id = checked GROUP BY n.id;
    IF difference.total <> 0 OR difference.tax <> 0 THEN
        RAISE EXCEPTION 'the lines of credit note % do not sum up to it', checked USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;

END
$$;

CREATE FUNCTION billing.check_credited_line() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    line record;
    credited record;

BEGIN
    SELECT l.amount_minor, l.tax_minor INTO line
        FROM billing.invoice_lines l JOIN billing.credit_notes n ON n.invoice_id = l.invoice_id
        WHERE l.id = NEW.invoice_line_id AND n.id = NEW.credit_note_id AND n.issued_in = pg_current_xact_id();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a credit note takes back lines of its invoice, when it is issued'
            USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT coalesce(sum(amount_minor), 0) + NEW.amount_minor AS amount,
        coalesce(sum(tax_minor), 0) + NEW.tax_minor AS tax
        INTO credited FROM billing.credit_note_lines WHERE invoice_line_id = NEW.invoice_line_id;
    IF sign(NEW.amount_minor) <> sign(line.amount_minor) OR abs(credited.amount) > abs(line.amount_minor)
        OR abs(credited.tax) > abs(line.tax_minor) OR sign(credited.tax) * sign(line.amount_minor) < 0
        OR (credited.amount = line.amount_minor AND credited.tax <> line.tax_minor)
    THEN
        RAISE EXCEPTION 'more is taken back of line % than it charges', NEW.invoice_line_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION billing.check_draws() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    checked uuid := CASE TG_TABLE_NAME WHEN 'invoices' THEN to_jsonb(NEW) ->> 'id'
        ELSE to_jsonb(NEW) ->> 'invoice_id' END;
    drawn bigint;

BEGIN
    SELECT coalesce(-sum(amount_minor), 0) INTO drawn FROM billing.wallet_movements
    WHERE invoice_id = checked AND kind = 'draw';
    IF drawn IS DISTINCT FROM (SELECT credits_minor FROM billing.invoices WHERE id = checked) THEN
        RAISE EXCEPTION 'the draws for invoice % are not what it says', checked USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;

END
$$;

CREATE FUNCTION billing.check_invoice_sums() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM billing.check_sums(NEW.id);
    RETURN NULL;

END
$$;

CREATE FUNCTION billing.check_line_sums() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM billing.check_sums(NEW.invoice_id);
    RETURN NULL;

END
$$;

CREATE FUNCTION billing.check_sums(checked uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    difference record;

BEGIN
    SELECT i.total_minor - coalesce(sum(l.amount_minor), 0) AS total, i.tax_minor - coalesce(sum(l.tax_minor), 0) AS tax
        INTO difference
        FROM billing.invoices i LEFT JOIN billing.invoice_lines l ON l.invoice_id = i.id
        WHERE i.id = checked GROUP BY i.id;
    IF difference.total <> 0 OR difference.tax <> 0 THEN
        RAISE EXCEPTION 'the lines of invoice % do not sum up to it', checked USING ERRCODE = 'check_violation';
    END IF;

END
$$;

CREATE FUNCTION billing.forbid_credit_twice() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM FROM billing.period_fees WHERE line_id = NEW.invoice_line_id FOR UPDATE;
    IF EXISTS (SELECT FROM billing.invoice_lines l WHERE l.id = NEW.invoice_line_id AND l.kind = 'flat_fee'
        AND l.amount_minor < NEW.amount_minor + billing.given_back(l.id) + COALESCE((
            SELECT sum(n.amount_minor) FROM billing.credit_note_lines n WHERE n.invoice_line_id = l.id), 0)) THEN
        RAISE EXCEPTION 'fee % was given back in part by a change of plan', NEW.invoice_line_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION billing.forbid_too_much_credit() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- Of two that give back of one fee, the second waits for the first and counts it.
    PERFORM FROM billing.period_fees WHERE period_id = NEW.period_id FOR UPDATE;
    -- A quote may be older than a credit note; it counts when it is applied.
    IF NEW.status = 'applied' AND NEW.credit_minor > COALESCE((SELECT l.amount_minor - COALESCE((
                SELECT sum(n.amount_minor) FROM billing.credit_note_lines n WHERE n.invoice_line_id = l.id), 0)
            FROM billing.period_fees f JOIN billing.invoice_lines l ON l.id = f.line_id
            WHERE f.period_id = NEW.period_id), 0) THEN
        RAISE EXCEPTION 'change % gives back more than is left of the fee of its period', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION billing.given_back(fee_line uuid) RETURNS bigint
    LANGUAGE sql STABLE
    AS $$
    SELECT COALESCE(sum(-l.amount_minor + COALESCE((SELECT sum(n.amount_minor) FROM billing.credit_note_lines n
            WHERE n.invoice_line_id = l.id), 0)), 0)::bigint
    FROM billing.period_fees f
    JOIN billing.pending_changes c ON c.period_id = f.period_id AND c.status = 'applied'
    JOIN billing.invoice_lines l ON l.invoice_id = c.invoice_id AND l.kind = 'proration_credit'
    WHERE f.line_id = fee_line
$$;

CREATE FUNCTION billing.keep_dunning() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'what was done about an invoice is kept' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'the chase of invoice % is over', OLD.invoice_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.done < OLD.done OR
        (NEW.invoice_id, NEW.subscription_id, NEW.customer_id, NEW.began_at) IS DISTINCT FROM
        (OLD.invoice_id, OLD.subscription_id, OLD.customer_id, OLD.began_at) OR
        (NEW.days, NEW.grace_days, NEW.suspended_days) IS DISTINCT FROM
        (OLD.days, OLD.grace_days, OLD.suspended_days)
    THEN
        RAISE EXCEPTION 'the chase of invoice % only goes forward', OLD.invoice_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION billing.keep_grant() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    movable text[] := ARRAY['remaining_minor', 'expires_at'];

BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'grants are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.remaining_minor <> 0 THEN
            RAISE EXCEPTION 'a grant begins with its movement' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - movable IS DISTINCT FROM to_jsonb(OLD) - movable OR NEW.expires_at < OLD.expires_at
        OR (NEW.expires_at IS NULL) <> (OLD.expires_at IS NULL)
        -- Depth 2 is the trigger of the movements; nothing else may say what is left.
        OR (NEW.remaining_minor <> OLD.remaining_minor AND pg_trigger_depth() < 2)
    THEN
        RAISE EXCEPTION 'a grant is final: what happens to it are movements' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION billing.keep_invoice() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    movable text[] := ARRAY['status', 'amount_paid_minor', 'paid_at', 'voided_at', 'refunded_at', 'disputed_at',
        'credited_minor', 'credited_tax_minor', 'credited_due_minor', 'void_reason', 'written_off_at',
        'write_off_reason'];

BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'invoices are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> NEW.status AND (OLD.status || '>' || NEW.status) NOT IN (
        'draft>open', 'draft>void', 'open>paid', 'open>void', 'open>uncollectible', 'uncollectible>paid'
    ) THEN
        RAISE EXCEPTION 'an invoice can not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> 'draft' AND to_jsonb(NEW) - movable IS DISTINCT FROM to_jsonb(OLD) - movable THEN
        RAISE EXCEPTION 'invoice % is final: a correction is a new document', OLD.number
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.amount_paid_minor < OLD.amount_paid_minor
        OR (OLD.paid_at IS NOT NULL AND NEW.paid_at IS DISTINCT FROM OLD.paid_at)
        OR (OLD.refunded_at IS NOT NULL AND NEW.refunded_at IS DISTINCT FROM OLD.refunded_at)
        OR (OLD.disputed_at <> NEW.disputed_at)
    THEN
        RAISE EXCEPTION 'payment of invoice % only moves forward', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    -- Depth 2 is the trigger of the credit notes: nothing else says what they sum up to.
    IF pg_trigger_depth() < 2 AND (NEW.credited_minor, NEW.credited_tax_minor, NEW.credited_due_minor)
        IS DISTINCT FROM (OLD.credited_minor, OLD.credited_tax_minor, OLD.credited_due_minor) THEN
        RAISE EXCEPTION 'what is credited of invoice % are its credit notes', OLD.number
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.void_reason IS DISTINCT FROM OLD.void_reason AND OLD.status || '>' || NEW.status <> 'open>void')
        OR ((NEW.written_off_at, NEW.write_off_reason) IS DISTINCT FROM (OLD.written_off_at, OLD.write_off_reason)
            AND OLD.status || '>' || NEW.status <> 'open>uncollectible')
    THEN
        RAISE EXCEPTION 'invoice % keeps the reason of its end', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION billing.keep_line() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'invoice lines are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT EXISTS (
        SELECT FROM billing.invoices
        WHERE id = NEW.invoice_id
            AND (status = 'draft' OR (TG_OP = 'INSERT' AND created_in = pg_current_xact_id()))
    ) THEN
        RAISE EXCEPTION 'the invoice of this line is final' USING ERRCODE = 'restrict_violation';
    END IF;
    -- A draft's line may only be dated anew, when a plan change happens at the moment of its payment.
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - ARRAY['period_start', 'period_end']
        IS DISTINCT FROM to_jsonb(OLD) - ARRAY['period_start', 'period_end'] THEN
        RAISE EXCEPTION 'invoice lines are append-only' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION billing.keep_top_up() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    movable text[] := ARRAY['status', 'failure', 'settled_at'];

BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'top-ups are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF to_jsonb(NEW) - movable IS DISTINCT FROM to_jsonb(OLD) - movable OR (OLD.status || '>' || NEW.status) NOT IN (
        'pending>paid', 'pending>failed', 'failed>paid', 'paid>returned', 'returned>returned', 'returned>paid'
    ) THEN
        RAISE EXCEPTION 'a top-up can not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION billing.move_credits() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE billing.wallet_grants SET remaining_minor = remaining_minor + NEW.amount_minor
    WHERE id = NEW.grant_id AND customer_id = NEW.customer_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the grant % is not of this customer', NEW.grant_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;

END
$$;

CREATE FUNCTION billing.sum_of_parts(parts jsonb) RETURNS numeric
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT coalesce(sum((value ->> 'amount_minor')::numeric), 0) FROM jsonb_array_elements(parts)
$$;

CREATE FUNCTION catalog.forbid_later_price() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM catalog.plan_versions
        WHERE id = NEW.plan_version_id AND created_in = pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'a price comes with its plan version: new terms are a new version'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION catalog.model_is_sound(model jsonb) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT
    AS $$
DECLARE
    tier jsonb;
    below numeric := 0;
    is_open boolean := false;

BEGIN
    CASE model ->> 'model'
    WHEN 'package' THEN
        RETURN coalesce((model ->> 'size')::numeric > 0 AND (model ->> 'amount')::numeric >= 0, false);
    WHEN 'percentage' THEN
        RETURN coalesce((model ->> 'rate')::numeric >= 0 AND (model ->> 'fee')::numeric >= 0, false);
    WHEN 'graduated', 'volume' THEN
        FOR tier IN SELECT value FROM jsonb_array_elements(model -> 'tiers') WITH ORDINALITY ORDER BY ordinality LOOP
            IF is_open OR NOT coalesce((tier ->> 'unit_amount')::numeric >= 0 AND (tier ->> 'fee')::numeric >= 0, false)
                OR (tier ->> 'up_to')::numeric <= below
            THEN
                RETURN false;
            END IF;
            below := (tier ->> 'up_to')::numeric;
            is_open := below IS NULL;
        END LOOP;
        RETURN is_open;
    ELSE
        RETURN false;
    END CASE;

END
$$;

CREATE FUNCTION kit.forbid_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: a correction is a new row', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';

END
$$;

CREATE FUNCTION ledger.forbid_later_entry() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger.transactions
        WHERE id = NEW.transaction_id AND posted_in = pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'an entry is posted with its transaction: a correction is a new transaction'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION ledger.require_balance() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    posted uuid;
    unbalanced text;
    entry_count bigint;

BEGIN
    IF TG_TABLE_NAME = 'entries' THEN
        posted := NEW.transaction_id;
    ELSE
        posted := NEW.id;
    END IF;
    SELECT count(*) INTO entry_count FROM ledger.entries WHERE transaction_id = posted;
    IF entry_count < 2 THEN
        RAISE EXCEPTION 'transaction % has % entries: it needs two or more', posted, entry_count
            USING ERRCODE = 'check_violation';
    END IF;
    SELECT currency INTO unbalanced FROM ledger.entries WHERE transaction_id = posted
        GROUP BY currency HAVING sum(amount_minor) <> 0 LIMIT 1;
    IF unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'transaction % does not sum to zero in %', posted, unbalanced
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;

END
$$;

CREATE FUNCTION metering.enter_counting() RETURNS TABLE(series text, is_building boolean, key text, name text, unit text, event_type text, aggregation text, value_path text[], filter text, group_by text)
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(4, 1);
    RETURN QUERY
        SELECT coalesce(meter.series, meter.key), false, meter.key, meter.name, meter.unit, meter.event_type,
            meter.aggregation, meter.value_path, coalesce(meter.filter::text, ''), coalesce(meter.group_by::text, '')
        FROM metering.meters AS meter
        UNION ALL
        SELECT rebuild.series, true, rebuild.key, rebuild.name, rebuild.unit, rebuild.event_type, rebuild.aggregation,
            rebuild.value_path, coalesce(rebuild.filter::text, ''), coalesce(rebuild.group_by::text, '')
        FROM metering.rebuilds AS rebuild WHERE rebuild.state = 'building'
        ORDER BY 3, 2;

END
$$;

CREATE TABLE metering.meters (
    key text NOT NULL,
    name text NOT NULL,
    unit text NOT NULL,
    event_type text NOT NULL,
    aggregation text NOT NULL,
    value_path text[] NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    filter json,
    group_by json,
    series text,
    CONSTRAINT meters_aggregation_check CHECK ((aggregation = ANY (ARRAY['count'::text, 'sum'::text, 'max'::text, 'min'::text, 'latest'::text, 'unique'::text, 'time_weighted'::text]))),
    CONSTRAINT meters_value_path_check CHECK (((aggregation = 'count'::text) = (cardinality(value_path) = 0)))
);

CREATE FUNCTION metering.enter_ingest() RETURNS SETOF metering.meters
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(4, 1);
    RETURN QUERY SELECT * FROM metering.meters ORDER BY key;

END
$$;

CREATE FUNCTION metering.measured(aggregation text, value_path text[], data json) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (aggregation = 'count'::text) THEN (1)::numeric ELSE (SELECT unnamed_subquery.value FROM (SELECT CASE json_typeof((measured.data #> measured.value_path)) WHEN 'number'::text THEN ((measured.data #>> measured.value_path))::numeric ELSE NULL::numeric END AS value) unnamed_subquery WHERE ((unnamed_subquery.value >= (0)::numeric) AND (unnamed_subquery.value < '1000000000000000000'::numeric) AND (scale(unnamed_subquery.value) <= 12))) END;

CREATE FUNCTION payments.add_refund() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE payments.payments SET refund_asked_minor = refund_asked_minor + NEW.amount_minor
        WHERE id = NEW.payment_id;
    RETURN NULL;

END
$$;

CREATE FUNCTION payments.keep_terms() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the terms of a payment are fixed: a correction is a new payment'
        USING ERRCODE = 'restrict_violation';

END
$$;

CREATE FUNCTION payments.only_forward() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM payments.allowed_steps WHERE from_status = OLD.status AND to_status = NEW.status) THEN
        RAISE EXCEPTION 'a payment can not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION subscriptions.begin_subscription() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.status NOT IN ('active', 'incomplete') THEN
        RAISE EXCEPTION 'no subscription begins as %', NEW.status USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION subscriptions.forbid_gap() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM subscriptions.periods
                WHERE customer_id = NEW.customer_id AND tstzrange(start_at, end_at) && tstzrange(NULL, NEW.start_at))
            AND NOT EXISTS (SELECT FROM subscriptions.periods
                WHERE customer_id = NEW.customer_id AND end_at = NEW.start_at) THEN
            RAISE EXCEPTION 'period % begins where no period of its customer ends', NEW.id
                USING ERRCODE = 'exclusion_violation';
        END IF;
    ELSIF EXISTS (SELECT FROM subscriptions.periods WHERE customer_id = NEW.customer_id AND start_at = OLD.end_at)
        AND NOT EXISTS (SELECT FROM subscriptions.periods WHERE customer_id = NEW.customer_id AND end_at = OLD.end_at)
    THEN
        RAISE EXCEPTION 'period % ends before the next one of its customer begins', NEW.id
            USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NULL;

END
$$;

CREATE FUNCTION subscriptions.keep_hold() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF OLD.status <> 'held' THEN
        RAISE EXCEPTION 'hold % has ended, which is final', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.customer_id, NEW.meter, NEW.key, NEW.event_type, NEW.aggregation, NEW.value_path,
            NEW.overage_allowed, NEW.quantity, NEW.remaining, NEW.expires_in_seconds, NEW.made_at, NEW.expires_at)
        IS DISTINCT FROM (OLD.id, OLD.customer_id, OLD.meter, OLD.key, OLD.event_type, OLD.aggregation, OLD.value_path,
            OLD.overage_allowed, OLD.quantity, OLD.remaining, OLD.expires_in_seconds, OLD.made_at, OLD.expires_at)
        OR NEW.drawn < OLD.drawn THEN
        RAISE EXCEPTION 'hold % keeps its terms, and what was drawn stays drawn', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION subscriptions.keep_period() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF OLD.status = 'closed' THEN
        RAISE EXCEPTION 'period % is closed, which is final', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.subscription_id, NEW.customer_id, NEW.plan_version_id, NEW.billing_interval, NEW.ordinal,
            NEW.start_at, NEW.planned_end_at, NEW.follows_at, NEW.fee_invoiced, NEW.kind)
        IS DISTINCT FROM (OLD.id, OLD.subscription_id, OLD.customer_id, OLD.plan_version_id, OLD.billing_interval,
            OLD.ordinal, OLD.start_at, OLD.planned_end_at, OLD.follows_at, OLD.fee_invoiced, OLD.kind)
        OR NEW.end_at > OLD.end_at THEN
        RAISE EXCEPTION 'period % can only be cut short and closed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION subscriptions.keep_subscription() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF OLD.status = 'ended' THEN
        RAISE EXCEPTION 'subscription % has ended, which is final', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status <> OLD.status AND NOT subscriptions.may_move(OLD.status, NEW.status) THEN
        RAISE EXCEPTION 'subscription % is %, which never becomes %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    -- What was only wanted starts when it is paid.
    IF (NEW.id, NEW.customer_id, NEW.currency, NEW.time_zone)
        IS DISTINCT FROM (OLD.id, OLD.customer_id, OLD.currency, OLD.time_zone)
        OR (NEW.started_at <> OLD.started_at AND OLD.status <> 'incomplete') THEN
        RAISE EXCEPTION 'subscription % keeps its customer, currency, start and time zone', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;

END
$$;

CREATE FUNCTION subscriptions.may_move(before text, after text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT (before, after) IN (
        ('trialing', 'active'), ('trialing', 'cancelled'), ('trialing', 'ended'),
        ('incomplete', 'active'), ('incomplete', 'ended'),
        ('active', 'trialing'), ('active', 'past_due'), ('active', 'paused'), ('active', 'cancelled'),
        ('active', 'ended'),
        ('past_due', 'active'), ('past_due', 'paused'), ('past_due', 'cancelled'), ('past_due', 'ended'),
        ('paused', 'active'), ('paused', 'cancelled'), ('paused', 'ended'),
        ('cancelled', 'ended'))
$$;

CREATE TABLE accounts.api_keys (
    id uuid NOT NULL,
    key_id text NOT NULL,
    secret_digest bytea NOT NULL,
    customer_id uuid,
    name text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT api_keys_key_id_check CHECK ((length(key_id) = 8)),
    CONSTRAINT api_keys_name_check CHECK ((name <> ''::text)),
    CONSTRAINT api_keys_scopes_check CHECK (((cardinality(scopes) > 0) AND (scopes <@ ARRAY['events:write'::text, 'usage:read'::text, 'billing:read'::text, 'catalog:read'::text, 'admin'::text]))),
    CONSTRAINT api_keys_secret_digest_check CHECK ((octet_length(secret_digest) = 32))
);

CREATE TABLE accounts.attempts (
    bucket text NOT NULL,
    window_started_at timestamp with time zone NOT NULL,
    count integer NOT NULL,
    CONSTRAINT attempts_count_check CHECK ((count >= 0))
);

CREATE TABLE accounts.audit (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    detail jsonb NOT NULL
);

ALTER TABLE accounts.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME accounts.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE accounts.customers (
    id uuid NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    country text NOT NULL,
    currency text NOT NULL,
    time_zone text NOT NULL,
    billing_address text DEFAULT ''::text NOT NULL,
    vat_number text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT customers_country_check CHECK ((country ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT customers_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT customers_key_check CHECK (((key ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text) AND (length(key) <= 63))),
    CONSTRAINT customers_name_check CHECK ((name <> ''::text))
);

CREATE TABLE accounts.members (
    customer_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE accounts.sessions (
    id uuid NOT NULL,
    token_digest bytea NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    ended_why text,
    user_agent text NOT NULL,
    ip text NOT NULL,
    CONSTRAINT sessions_check CHECK ((expires_at > created_at)),
    CONSTRAINT sessions_check1 CHECK (((ended_at IS NULL) = (ended_why IS NULL))),
    CONSTRAINT sessions_token_digest_check CHECK ((octet_length(token_digest) = 32))
);

CREATE TABLE accounts.users (
    id uuid NOT NULL,
    email text NOT NULL,
    email_folded text NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    is_operator boolean DEFAULT false NOT NULL,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT users_name_check CHECK ((name <> ''::text)),
    CONSTRAINT users_password_hash_check CHECK ((password_hash ~~ '$argon2id$%'::text))
);

CREATE TABLE billing.audits (
    id uuid NOT NULL,
    began_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    compared bigint NOT NULL,
    findings bigint NOT NULL,
    cents bigint NOT NULL,
    digest text NOT NULL,
    document text NOT NULL,
    CONSTRAINT audits_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT audits_cents_check CHECK ((cents >= 0)),
    CONSTRAINT audits_compared_check CHECK ((compared >= 0)),
    CONSTRAINT audits_digest_check CHECK ((digest ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT audits_findings_check CHECK ((findings >= 0))
);

CREATE TABLE billing.automatic_top_ups (
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    enabled boolean NOT NULL,
    threshold_minor bigint NOT NULL,
    amount_minor bigint NOT NULL,
    per_day integer NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    off_because text DEFAULT ''::text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT automatic_top_ups_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT automatic_top_ups_check CHECK (((NOT enabled) OR (off_because = ''::text))),
    CONSTRAINT automatic_top_ups_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT automatic_top_ups_failures_check CHECK ((failures >= 0)),
    CONSTRAINT automatic_top_ups_per_day_check CHECK (((per_day >= 1) AND (per_day <= 10))),
    CONSTRAINT automatic_top_ups_threshold_minor_check CHECK ((threshold_minor > 0))
);

CREATE TABLE billing.closings (
    period_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    invoice_id uuid,
    period_start timestamp with time zone NOT NULL,
    period_end timestamp with time zone NOT NULL,
    "interval" text NOT NULL,
    currency text NOT NULL,
    plan_version_id uuid NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    kind text DEFAULT 'paid'::text NOT NULL,
    CONSTRAINT closings_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT closings_interval_check CHECK (("interval" = ANY (ARRAY['month'::text, 'year'::text]))),
    CONSTRAINT closings_kind_check CHECK ((kind = ANY (ARRAY['paid'::text, 'trial'::text, 'pause'::text])))
);

CREATE TABLE billing.coupon_codes (
    code text NOT NULL,
    redeemed integer NOT NULL,
    CONSTRAINT coupon_codes_code_check CHECK ((code <> ''::text)),
    CONSTRAINT coupon_codes_redeemed_check CHECK ((redeemed >= 0))
);

CREATE TABLE billing.coupon_uses (
    redemption_id uuid NOT NULL,
    uses_max integer NOT NULL,
    number integer NOT NULL,
    period_id uuid NOT NULL,
    invoice_id uuid,
    amount_minor bigint NOT NULL,
    used_at timestamp with time zone NOT NULL,
    CONSTRAINT coupon_uses_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT coupon_uses_check CHECK (((number >= 1) AND (number <= uses_max)))
);

CREATE TABLE billing.credit_note_lines (
    id uuid NOT NULL,
    credit_note_id uuid NOT NULL,
    "position" integer NOT NULL,
    invoice_line_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    CONSTRAINT credit_note_lines_amount_minor_check CHECK ((amount_minor <> 0)),
    CONSTRAINT credit_note_lines_position_check CHECK (("position" > 0))
);

CREATE TABLE billing.credit_notes (
    id uuid NOT NULL,
    number text NOT NULL,
    invoice_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    reason text NOT NULL,
    settlement text NOT NULL,
    subtotal_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    total_minor bigint NOT NULL,
    due_minor bigint NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    issued_by text NOT NULL,
    issued_in xid8 DEFAULT pg_current_xact_id() NOT NULL,
    key text,
    CONSTRAINT credit_notes_check CHECK (((due_minor >= 0) AND (due_minor <= total_minor))),
    CONSTRAINT credit_notes_check1 CHECK ((total_minor = (subtotal_minor + tax_minor))),
    CONSTRAINT credit_notes_check2 CHECK (((settlement = 'due'::text) = (due_minor = total_minor))),
    CONSTRAINT credit_notes_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT credit_notes_key_check CHECK (((key <> ''::text) AND (length(key) <= 120))),
    CONSTRAINT credit_notes_reason_check CHECK (((reason <> ''::text) AND (length(reason) <= 500))),
    CONSTRAINT credit_notes_settlement_check CHECK ((settlement = ANY (ARRAY['due'::text, 'refund'::text, 'credit'::text]))),
    CONSTRAINT credit_notes_total_minor_check CHECK ((total_minor > 0))
);

CREATE TABLE billing.dunning_events (
    id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    step integer,
    kind text NOT NULL,
    detail text NOT NULL,
    payment_id uuid,
    actor text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT dunning_events_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT dunning_events_kind_check CHECK ((kind <> ''::text)),
    CONSTRAINT dunning_events_step_check CHECK ((step >= 0))
);

CREATE TABLE billing.dunnings (
    invoice_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    days integer[] NOT NULL,
    grace_days integer NOT NULL,
    suspended_days integer NOT NULL,
    began_at timestamp with time zone NOT NULL,
    base_at timestamp with time zone NOT NULL,
    done integer NOT NULL,
    stage text NOT NULL,
    next_at timestamp with time zone,
    paused_at timestamp with time zone,
    paused_by text,
    ended_at timestamp with time zone,
    outcome text,
    CONSTRAINT dunnings_check CHECK ((base_at >= began_at)),
    CONSTRAINT dunnings_check1 CHECK (((paused_at IS NULL) = (paused_by IS NULL))),
    CONSTRAINT dunnings_check2 CHECK (((ended_at IS NULL) = (outcome IS NULL))),
    CONSTRAINT dunnings_check3 CHECK (((next_at IS NULL) OR ((paused_at IS NULL) AND (ended_at IS NULL)))),
    CONSTRAINT dunnings_days_check CHECK ((days[1] = 0)),
    CONSTRAINT dunnings_done_check CHECK ((done >= 0)),
    CONSTRAINT dunnings_grace_days_check CHECK ((grace_days >= 0)),
    CONSTRAINT dunnings_outcome_check CHECK ((outcome = ANY (ARRAY['paid'::text, 'written_off'::text, 'void'::text]))),
    CONSTRAINT dunnings_stage_check CHECK ((stage = ANY (ARRAY['collecting'::text, 'grace'::text, 'suspended'::text, 'ended'::text]))),
    CONSTRAINT dunnings_suspended_days_check CHECK ((suspended_days >= 0))
);

CREATE TABLE billing.failed_closings (
    period_id uuid NOT NULL,
    attempts integer NOT NULL,
    reason text NOT NULL,
    failed_at timestamp with time zone NOT NULL,
    retry_at timestamp with time zone NOT NULL,
    CONSTRAINT failed_closings_attempts_check CHECK ((attempts > 0)),
    CONSTRAINT failed_closings_check CHECK ((retry_at >= failed_at))
);

CREATE TABLE billing.invoice_lines (
    id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    "position" integer NOT NULL,
    kind text NOT NULL,
    description text NOT NULL,
    quantity numeric NOT NULL,
    included numeric NOT NULL,
    unit_amount numeric NOT NULL,
    unit_label text NOT NULL,
    amount_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    period_start timestamp with time zone NOT NULL,
    period_end timestamp with time zone NOT NULL,
    price_id uuid,
    meter text,
    rated_usage_id uuid,
    redemption_id uuid,
    CONSTRAINT invoice_lines_addon CHECK (((kind <> 'addon'::text) OR ((amount_minor > 0) AND (quantity > (0)::numeric)))),
    CONSTRAINT invoice_lines_check CHECK ((period_end >= period_start)),
    CONSTRAINT invoice_lines_check1 CHECK (((abs(tax_minor) <= abs(amount_minor)) AND ((sign((tax_minor)::double precision) * sign((amount_minor)::double precision)) >= (0)::double precision))),
    CONSTRAINT invoice_lines_check2 CHECK (((kind = ANY (ARRAY['usage'::text, 'usage_adjustment'::text])) = (rated_usage_id IS NOT NULL))),
    CONSTRAINT invoice_lines_check3 CHECK (((meter IS NULL) = (rated_usage_id IS NULL))),
    CONSTRAINT invoice_lines_discount CHECK (
CASE kind
    WHEN 'discount'::text THEN ((redemption_id IS NOT NULL) AND (price_id IS NULL) AND (amount_minor < 0))
    ELSE ((redemption_id IS NULL) AND (price_id IS NOT NULL))
END),
    CONSTRAINT invoice_lines_included_check CHECK ((included >= (0)::numeric)),
    CONSTRAINT invoice_lines_kind_check CHECK ((kind = ANY (ARRAY['flat_fee'::text, 'usage'::text, 'proration_credit'::text, 'usage_adjustment'::text, 'discount'::text, 'addon'::text]))),
    CONSTRAINT invoice_lines_position_check CHECK (("position" > 0))
);

CREATE TABLE billing.invoice_numbers (
    series text NOT NULL,
    last_number integer NOT NULL,
    CONSTRAINT invoice_numbers_last_number_check CHECK ((last_number > 0))
);

CREATE TABLE billing.invoice_payments (
    payment_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    gateway text NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    CONSTRAINT invoice_payments_amount_minor_check CHECK ((amount_minor > 0))
);

CREATE TABLE billing.invoices (
    id uuid NOT NULL,
    number text,
    customer_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    period_id uuid NOT NULL,
    purpose text NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    tax_treatment text NOT NULL,
    tax_rate numeric NOT NULL,
    supplier jsonb NOT NULL,
    customer jsonb NOT NULL,
    time_zone text NOT NULL,
    subtotal_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    total_minor bigint NOT NULL,
    amount_paid_minor bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    issued_at timestamp with time zone,
    due_at timestamp with time zone,
    paid_at timestamp with time zone,
    voided_at timestamp with time zone,
    refunded_at timestamp with time zone,
    disputed_at timestamp with time zone,
    credits_minor bigint DEFAULT 0 NOT NULL,
    credited_minor bigint DEFAULT 0 NOT NULL,
    credited_tax_minor bigint DEFAULT 0 NOT NULL,
    credited_due_minor bigint DEFAULT 0 NOT NULL,
    void_reason text,
    written_off_at timestamp with time zone,
    write_off_reason text,
    created_in xid8 DEFAULT pg_current_xact_id(),
    CONSTRAINT invoices_check CHECK ((total_minor = (subtotal_minor + tax_minor))),
    CONSTRAINT invoices_check1 CHECK (((tax_treatment = 'standard'::text) OR ((tax_rate = (0)::numeric) AND (tax_minor = 0)))),
    CONSTRAINT invoices_check10 CHECK (((disputed_at IS NULL) OR (status = 'paid'::text))),
    CONSTRAINT invoices_check2 CHECK (((amount_paid_minor >= 0) AND (amount_paid_minor <= total_minor))),
    CONSTRAINT invoices_check3 CHECK ((((number IS NULL) = (issued_at IS NULL)) AND ((number IS NULL) = (due_at IS NULL)))),
    CONSTRAINT invoices_check4 CHECK (((number IS NULL) OR (status <> 'draft'::text))),
    CONSTRAINT invoices_check5 CHECK (((number IS NOT NULL) OR (status = ANY (ARRAY['draft'::text, 'void'::text])))),
    CONSTRAINT invoices_check6 CHECK (((status = 'paid'::text) = (paid_at IS NOT NULL))),
    CONSTRAINT invoices_check8 CHECK (((status = 'void'::text) = (voided_at IS NOT NULL))),
    CONSTRAINT invoices_check9 CHECK (((refunded_at IS NULL) OR (status = 'paid'::text))),
    CONSTRAINT invoices_credited_due CHECK (((credited_due_minor >= 0) AND (credited_due_minor <= credited_minor))),
    CONSTRAINT invoices_credited_paid CHECK (((credited_minor - credited_due_minor) <= amount_paid_minor)),
    CONSTRAINT invoices_credited_tax CHECK (((credited_minor < total_minor) OR (credited_tax_minor = tax_minor))),
    CONSTRAINT invoices_credits_are_paid CHECK (((credits_minor >= 0) AND (credits_minor <= amount_paid_minor))),
    CONSTRAINT invoices_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT invoices_customer_check CHECK ((jsonb_typeof(customer) = 'object'::text)),
    CONSTRAINT invoices_never_overcredited CHECK (((credited_minor >= 0) AND (credited_minor <= total_minor))),
    CONSTRAINT invoices_never_overpaid CHECK (((amount_paid_minor + credited_due_minor) <= total_minor)),
    CONSTRAINT invoices_paid_in_full CHECK (((status <> 'paid'::text) OR ((amount_paid_minor + credited_due_minor) = total_minor))),
    CONSTRAINT invoices_purpose_check CHECK ((purpose = ANY (ARRAY['start'::text, 'period_close'::text, 'upgrade'::text]))),
    CONSTRAINT invoices_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'open'::text, 'paid'::text, 'void'::text, 'uncollectible'::text]))),
    CONSTRAINT invoices_supplier_check CHECK ((jsonb_typeof(supplier) = 'object'::text)),
    CONSTRAINT invoices_tax_rate_check CHECK (((tax_rate >= (0)::numeric) AND (tax_rate < (1)::numeric))),
    CONSTRAINT invoices_tax_treatment_check CHECK ((tax_treatment = ANY (ARRAY['standard'::text, 'zero_rated'::text, 'not_registered'::text]))),
    CONSTRAINT invoices_total_minor_check CHECK ((total_minor >= 0)),
    CONSTRAINT invoices_void_is_explained CHECK (((number IS NULL) OR ((status = 'void'::text) = (void_reason IS NOT NULL)))),
    CONSTRAINT invoices_void_is_whole CHECK (((status <> 'void'::text) OR (credited_minor = 0))),
    CONSTRAINT invoices_void_reason_check CHECK ((void_reason <> ''::text)),
    CONSTRAINT invoices_write_off_reason_check CHECK ((write_off_reason <> ''::text)),
    CONSTRAINT invoices_written_off CHECK ((((written_off_at IS NULL) = (write_off_reason IS NULL)) AND ((status <> 'uncollectible'::text) OR (written_off_at IS NOT NULL)) AND ((written_off_at IS NULL) OR (status = ANY (ARRAY['uncollectible'::text, 'paid'::text])))))
);

CREATE TABLE billing.mrr_changes (
    customer_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    currency text NOT NULL,
    kind text NOT NULL,
    before_minor bigint NOT NULL,
    after_minor bigint NOT NULL,
    until timestamp with time zone NOT NULL,
    CONSTRAINT mrr_changes_after_minor_check CHECK ((after_minor >= 0)),
    CONSTRAINT mrr_changes_before_minor_check CHECK ((before_minor >= 0)),
    CONSTRAINT mrr_changes_check CHECK ((at < until)),
    CONSTRAINT mrr_changes_check1 CHECK (
CASE kind
    WHEN 'new'::text THEN ((before_minor = 0) AND (after_minor > 0))
    WHEN 'reactivation'::text THEN ((before_minor = 0) AND (after_minor > 0))
    WHEN 'expansion'::text THEN ((before_minor > 0) AND (after_minor > before_minor))
    WHEN 'contraction'::text THEN ((after_minor > 0) AND (after_minor < before_minor))
    WHEN 'churn'::text THEN ((before_minor > 0) AND (after_minor = 0))
    ELSE false
END),
    CONSTRAINT mrr_changes_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text))
);

CREATE TABLE billing.pending_changes (
    id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    from_plan_version_id uuid NOT NULL,
    period_id uuid NOT NULL,
    plan_version_id uuid NOT NULL,
    "interval" text NOT NULL,
    invoice_id uuid NOT NULL,
    credit_minor bigint NOT NULL,
    status text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT pending_changes_check CHECK (((status = ANY (ARRAY['applied'::text, 'cancelled'::text])) = (settled_at IS NOT NULL))),
    CONSTRAINT pending_changes_credit_minor_check CHECK ((credit_minor >= 0)),
    CONSTRAINT pending_changes_interval_check CHECK (("interval" = ANY (ARRAY['month'::text, 'year'::text]))),
    CONSTRAINT pending_changes_status_check CHECK ((status = ANY (ARRAY['waiting'::text, 'requoted'::text, 'applied'::text, 'cancelled'::text])))
);

CREATE TABLE billing.period_fees (
    period_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    line_id uuid NOT NULL
);

CREATE TABLE billing.plan_moves (
    subscription_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    from_plan_version_id uuid NOT NULL,
    to_plan_version_id uuid NOT NULL,
    moves_at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    announced_at timestamp with time zone NOT NULL,
    CONSTRAINT plan_moves_check CHECK ((announced_at <= moves_at)),
    CONSTRAINT plan_moves_check1 CHECK ((from_plan_version_id <> to_plan_version_id))
);

CREATE TABLE billing.rated_usage (
    id uuid NOT NULL,
    period_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    plan_version_id uuid NOT NULL,
    meter text NOT NULL,
    meter_name text NOT NULL,
    revision integer NOT NULL,
    quantity numeric NOT NULL,
    events bigint NOT NULL,
    price_id uuid NOT NULL,
    included numeric NOT NULL,
    billable numeric NOT NULL,
    unit_amount numeric NOT NULL,
    unit_label text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    period_start timestamp with time zone NOT NULL,
    period_end timestamp with time zone NOT NULL,
    rated_at timestamp with time zone NOT NULL,
    parts jsonb DEFAULT '[]'::jsonb NOT NULL,
    cell jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT rated_usage_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT rated_usage_cell_check CHECK (((cell = '{}'::jsonb) OR (jsonb_typeof((cell -> 'match'::text)) = 'object'::text))),
    CONSTRAINT rated_usage_check CHECK (((included >= (0)::numeric) AND (included <= quantity))),
    CONSTRAINT rated_usage_check1 CHECK (((billable >= (0)::numeric) AND ((included + billable) <= quantity))),
    CONSTRAINT rated_usage_check2 CHECK ((period_end > period_start)),
    CONSTRAINT rated_usage_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT rated_usage_events_check CHECK ((events >= 0)),
    CONSTRAINT rated_usage_is_its_parts CHECK (((parts = '[]'::jsonb) OR (billing.sum_of_parts(parts) = (amount_minor)::numeric))),
    CONSTRAINT rated_usage_parts_check CHECK ((jsonb_typeof(parts) = 'array'::text)),
    CONSTRAINT rated_usage_quantity_check CHECK ((quantity >= (0)::numeric)),
    CONSTRAINT rated_usage_revision_check CHECK ((revision > 0)),
    CONSTRAINT rated_usage_unit_amount_check CHECK ((unit_amount >= (0)::numeric))
);

CREATE TABLE billing.recognitions (
    currency text NOT NULL,
    since date NOT NULL,
    until date NOT NULL,
    added_minor bigint NOT NULL,
    earned_minor bigint NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT recognitions_check CHECK ((until > since)),
    CONSTRAINT recognitions_check1 CHECK (((added_minor <> 0) OR (earned_minor <> 0))),
    CONSTRAINT recognitions_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text))
);

CREATE TABLE billing.redemptions (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    coupon_version_id uuid NOT NULL,
    coupon_key text NOT NULL,
    code text NOT NULL,
    number integer NOT NULL,
    number_max integer,
    uses_max integer NOT NULL,
    one_per_customer boolean NOT NULL,
    scope text NOT NULL,
    redeemed_at timestamp with time zone NOT NULL,
    key text,
    CONSTRAINT redemptions_check CHECK ((number <= number_max)),
    CONSTRAINT redemptions_key_check CHECK (((key <> ''::text) AND (length(key) <= 120))),
    CONSTRAINT redemptions_number_check CHECK ((number > 0)),
    CONSTRAINT redemptions_scope_check CHECK ((scope = ANY (ARRAY['all'::text, 'fees'::text]))),
    CONSTRAINT redemptions_uses_max_check CHECK ((uses_max > 0))
);

CREATE TABLE billing.revenue_counts (
    until timestamp with time zone NOT NULL,
    since timestamp with time zone NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    CONSTRAINT revenue_counts_check CHECK ((since < until)),
    CONSTRAINT revenue_counts_check1 CHECK ((counted_at >= until))
);

CREATE TABLE billing.revenue_sums (
    until timestamp with time zone NOT NULL,
    month date NOT NULL,
    currency text NOT NULL,
    figure text NOT NULL,
    meter text NOT NULL,
    amount_minor bigint NOT NULL,
    CONSTRAINT revenue_sums_check CHECK (((figure = 'usage'::text) = (meter <> ''::text))),
    CONSTRAINT revenue_sums_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT revenue_sums_figure_check CHECK ((figure <> ''::text)),
    CONSTRAINT revenue_sums_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric))
);

CREATE TABLE billing.top_ups (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    automatic boolean NOT NULL,
    status text NOT NULL,
    failure text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT top_ups_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT top_ups_check CHECK (((status = 'pending'::text) = (settled_at IS NULL))),
    CONSTRAINT top_ups_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT top_ups_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'paid'::text, 'failed'::text, 'returned'::text])))
);

CREATE TABLE billing.unapplied_payments (
    payment_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    reference text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    gateway text NOT NULL,
    reason text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT unapplied_payments_amount_minor_check CHECK ((amount_minor > 0))
);

CREATE TABLE billing.unapplied_refunds (
    payment_id uuid NOT NULL,
    refunded_at timestamp with time zone NOT NULL
);

CREATE TABLE billing.wallet_grants (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    kind text NOT NULL,
    priority integer NOT NULL,
    amount_minor bigint NOT NULL,
    remaining_minor bigint DEFAULT 0 NOT NULL,
    source text NOT NULL,
    reason text NOT NULL,
    granted_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    CONSTRAINT wallet_grants_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT wallet_grants_check CHECK ((expires_at > granted_at)),
    CONSTRAINT wallet_grants_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT wallet_grants_kind_check CHECK ((kind = ANY (ARRAY['paid'::text, 'promotional'::text, 'credit_note'::text, 'goodwill'::text]))),
    CONSTRAINT wallet_grants_never_below_zero CHECK (((remaining_minor >= 0) AND (remaining_minor <= amount_minor))),
    CONSTRAINT wallet_grants_priority_check CHECK (((priority >= 0) AND (priority <= 100))),
    CONSTRAINT wallet_grants_source_check CHECK ((source <> ''::text))
);

CREATE TABLE billing.wallet_movements (
    id uuid NOT NULL,
    grant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    kind text NOT NULL,
    amount_minor bigint NOT NULL,
    invoice_id uuid,
    reason text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT wallet_movements_check CHECK (((amount_minor <> 0) AND ((kind = ANY (ARRAY['grant'::text, 'return'::text, 'release'::text])) = (amount_minor > 0)))),
    CONSTRAINT wallet_movements_check1 CHECK (((kind = ANY (ARRAY['draw'::text, 'return'::text])) = (invoice_id IS NOT NULL))),
    CONSTRAINT wallet_movements_kind_check CHECK ((kind = ANY (ARRAY['grant'::text, 'draw'::text, 'expire'::text, 'return'::text, 'void'::text, 'release'::text])))
);

CREATE TABLE catalog.coupon_versions (
    id uuid NOT NULL,
    coupon_key text NOT NULL,
    version integer NOT NULL,
    terms jsonb NOT NULL,
    retired boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT coupon_versions_coupon_key_check CHECK ((coupon_key <> ''::text)),
    CONSTRAINT coupon_versions_terms_check CHECK ((jsonb_typeof(terms) = 'object'::text)),
    CONSTRAINT coupon_versions_version_check CHECK ((version > 0))
);

CREATE TABLE catalog.plan_versions (
    id uuid NOT NULL,
    plan_key text NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    tagline text NOT NULL,
    rank integer NOT NULL,
    is_default boolean NOT NULL,
    retired boolean NOT NULL,
    limits jsonb NOT NULL,
    features jsonb NOT NULL,
    effective_from timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_in xid8 DEFAULT pg_current_xact_id() NOT NULL,
    trial_days integer,
    CONSTRAINT plan_versions_check CHECK ((NOT (retired AND is_default))),
    CONSTRAINT plan_versions_plan_key_check CHECK ((plan_key <> ''::text)),
    CONSTRAINT plan_versions_rank_check CHECK ((rank >= 0)),
    CONSTRAINT plan_versions_trial_days_check CHECK (((trial_days >= 1) AND (trial_days <= 365))),
    CONSTRAINT plan_versions_version_check CHECK ((version > 0))
);

CREATE TABLE catalog.prices (
    id uuid NOT NULL,
    plan_version_id uuid NOT NULL,
    "position" integer NOT NULL,
    currency text NOT NULL,
    kind text NOT NULL,
    billing_interval text,
    amount_minor bigint,
    meter text,
    included numeric,
    unit_amount numeric,
    unit_label text,
    overage_allowed boolean,
    model jsonb,
    minimum_minor bigint,
    cap_minor bigint,
    cell jsonb DEFAULT '{}'::jsonb NOT NULL,
    addon jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT prices_addon_check CHECK (((kind = 'addon'::text) = (addon <> '{}'::jsonb))),
    CONSTRAINT prices_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT prices_billing_interval_check CHECK ((billing_interval = ANY (ARRAY['month'::text, 'year'::text]))),
    CONSTRAINT prices_cap_holds_minimum CHECK ((cap_minor >= minimum_minor)),
    CONSTRAINT prices_cap_minor_check CHECK ((cap_minor > 0)),
    CONSTRAINT prices_cell_check CHECK (((cell = '{}'::jsonb) OR (jsonb_typeof((cell -> 'match'::text)) = 'object'::text))),
    CONSTRAINT prices_cell_is_a_model CHECK (((cell = '{}'::jsonb) OR ((kind = 'usage'::text) AND overage_allowed AND (included = (0)::numeric) AND (num_nonnulls(minimum_minor, cap_minor) = 0)))),
    CONSTRAINT prices_check CHECK (
CASE kind
    WHEN 'usage'::text THEN ((num_nulls(meter, included, unit_label, overage_allowed) = 0) AND (num_nonnulls(unit_amount, model) = 1) AND (overage_allowed OR (num_nonnulls(model, minimum_minor, cap_minor) = 0)) AND (num_nonnulls(billing_interval, amount_minor) = 0))
    ELSE ((num_nulls(billing_interval, amount_minor) = 0) AND (num_nonnulls(meter, included, unit_amount, unit_label, overage_allowed, model, minimum_minor, cap_minor) = 0))
END),
    CONSTRAINT prices_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT prices_included_check CHECK ((included >= (0)::numeric)),
    CONSTRAINT prices_kind_check CHECK ((kind = ANY (ARRAY['flat'::text, 'usage'::text, 'addon'::text]))),
    CONSTRAINT prices_minimum_minor_check CHECK ((minimum_minor > 0)),
    CONSTRAINT prices_model_check CHECK (catalog.model_is_sound(model)),
    CONSTRAINT prices_position_check CHECK (("position" >= 0)),
    CONSTRAINT prices_unit_amount_check CHECK ((unit_amount >= (0)::numeric))
);

CREATE TABLE kit.facts (
    id uuid NOT NULL,
    name text NOT NULL,
    payload jsonb NOT NULL,
    recorded_at timestamp with time zone NOT NULL
);

CREATE TABLE kit.jobs (
    id uuid NOT NULL,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    due_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    key text,
    attempts integer DEFAULT 0 NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    last_error text,
    fence bigint DEFAULT 0 NOT NULL,
    lease_until timestamp with time zone,
    died_at timestamp with time zone,
    CONSTRAINT jobs_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT jobs_check CHECK (((state = 'dead'::text) = (died_at IS NOT NULL))),
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'dead'::text])))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='200');

CREATE TABLE kit.mails (
    id uuid NOT NULL,
    recipient text NOT NULL,
    subject text NOT NULL,
    text_body text NOT NULL,
    html_body text,
    attachments jsonb DEFAULT '[]'::jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone
);

CREATE TABLE kit.sandbox_clock (
    only_row boolean DEFAULT true NOT NULL,
    clock_offset interval DEFAULT '00:00:00'::interval NOT NULL,
    CONSTRAINT sandbox_clock_clock_offset_check CHECK ((clock_offset >= '00:00:00'::interval)),
    CONSTRAINT sandbox_clock_only_row_check CHECK (only_row)
);

CREATE TABLE kit.schedule_runs (
    task text NOT NULL,
    due_at timestamp with time zone NOT NULL
);

CREATE TABLE ledger.accounts (
    name text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    CONSTRAINT accounts_name_check CHECK (((name ~ '^[a-z][a-z0-9_]*(:[a-z0-9_-]+)+$'::text) AND (length(name) <= 120)))
);

CREATE TABLE ledger.entries (
    transaction_id uuid NOT NULL,
    "position" integer NOT NULL,
    account text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    CONSTRAINT entries_amount_minor_check CHECK ((amount_minor <> 0)),
    CONSTRAINT entries_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT entries_position_check CHECK (("position" >= 0))
);

CREATE TABLE ledger.transactions (
    id uuid NOT NULL,
    reference text NOT NULL,
    description text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    posted_in xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT transactions_reference_check CHECK (((reference <> ''::text) AND (length(reference) <= 200)))
);

CREATE TABLE metering.adjustments (
    call_id uuid NOT NULL,
    meter text NOT NULL,
    customer_id uuid NOT NULL,
    hour timestamp with time zone NOT NULL,
    dimensions text NOT NULL,
    before numeric NOT NULL,
    after numeric NOT NULL,
    adjusted_at timestamp with time zone NOT NULL,
    CONSTRAINT adjustments_check CHECK ((before <> after))
);

CREATE TABLE metering.backfills (
    id uuid NOT NULL,
    tag text NOT NULL,
    actor text NOT NULL,
    file_name text NOT NULL,
    file_digest bytea NOT NULL,
    digest bytea NOT NULL,
    options json NOT NULL,
    state text NOT NULL,
    rows bigint NOT NULL,
    next_row bigint DEFAULT 0 NOT NULL,
    accepted bigint DEFAULT 0 NOT NULL,
    restored bigint DEFAULT 0 NOT NULL,
    duplicates bigint DEFAULT 0 NOT NULL,
    conflicts bigint DEFAULT 0 NOT NULL,
    rejected bigint DEFAULT 0 NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    reverted_upto uuid,
    reverted_events bigint DEFAULT 0 NOT NULL,
    reverted_at timestamp with time zone,
    reverted_by text,
    CONSTRAINT backfills_accepted_check CHECK ((accepted >= 0)),
    CONSTRAINT backfills_check CHECK ((next_row = ((((accepted + restored) + duplicates) + conflicts) + rejected))),
    CONSTRAINT backfills_check1 CHECK (((state <> 'done'::text) OR (finished_at IS NOT NULL))),
    CONSTRAINT backfills_check2 CHECK (((state = 'reverted'::text) = (reverted_at IS NOT NULL))),
    CONSTRAINT backfills_conflicts_check CHECK ((conflicts >= 0)),
    CONSTRAINT backfills_duplicates_check CHECK ((duplicates >= 0)),
    CONSTRAINT backfills_rejected_check CHECK ((rejected >= 0)),
    CONSTRAINT backfills_restored_check CHECK ((restored >= 0)),
    CONSTRAINT backfills_reverted_events_check CHECK ((reverted_events >= 0)),
    CONSTRAINT backfills_rows_check CHECK ((rows >= 0)),
    CONSTRAINT backfills_state_check CHECK ((state = ANY (ARRAY['running'::text, 'done'::text, 'reverting'::text, 'reverted'::text]))),
    CONSTRAINT backfills_tag_check CHECK (((tag <> ''::text) AND (length(tag) <= 120)))
);

CREATE TABLE metering.batches (
    id uuid NOT NULL,
    received_at timestamp with time zone NOT NULL,
    accepted integer NOT NULL,
    duplicates integer NOT NULL,
    conflicts integer NOT NULL,
    rejected integer NOT NULL,
    backfill_id uuid,
    CONSTRAINT batches_accepted_check CHECK ((accepted >= 0)),
    CONSTRAINT batches_conflicts_check CHECK ((conflicts >= 0)),
    CONSTRAINT batches_duplicates_check CHECK ((duplicates >= 0)),
    CONSTRAINT batches_rejected_check CHECK ((rejected >= 0))
);

CREATE TABLE metering.conflict_decisions (
    tenant uuid NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    digest bytea NOT NULL,
    outcome text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    CONSTRAINT conflict_decisions_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT conflict_decisions_outcome_check CHECK ((outcome = ANY (ARRAY['dismissed'::text, 'amended'::text]))),
    CONSTRAINT conflict_decisions_reason_check CHECK ((reason <> ''::text))
);

CREATE TABLE metering.conflicts (
    tenant uuid NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    digest bytea NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    occurred_at timestamp with time zone,
    data json NOT NULL,
    received_at timestamp with time zone NOT NULL,
    id uuid GENERATED ALWAYS AS ((md5((((((tenant)::text || encode(digest, 'hex'::text)) || source) || chr(31)) || event_id)))::uuid) STORED NOT NULL,
    extensions json,
    status text DEFAULT 'open'::text NOT NULL,
    CONSTRAINT conflicts_status_check CHECK ((status = ANY (ARRAY['open'::text, 'dismissed'::text, 'amended'::text])))
);

CREATE TABLE metering.control_findings (
    hour timestamp with time zone NOT NULL,
    tenant uuid NOT NULL,
    source text NOT NULL,
    producer text NOT NULL,
    event_id text NOT NULL,
    kind text NOT NULL,
    found_at timestamp with time zone NOT NULL,
    CONSTRAINT control_findings_hour_check CHECK ((date_trunc('hour'::text, hour, 'UTC'::text) = hour)),
    CONSTRAINT control_findings_kind_check CHECK ((kind = ANY (ARRAY['missing'::text, 'unexpected'::text])))
);

CREATE TABLE metering.control_totals (
    tenant uuid NOT NULL,
    source text NOT NULL,
    hour timestamp with time zone NOT NULL,
    producer text NOT NULL,
    revision integer NOT NULL,
    events bigint NOT NULL,
    digest bigint,
    actor text NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    CONSTRAINT control_totals_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT control_totals_events_check CHECK ((events >= 0)),
    CONSTRAINT control_totals_hour_check CHECK ((date_trunc('hour'::text, hour, 'UTC'::text) = hour)),
    CONSTRAINT control_totals_revision_check CHECK ((revision > 0))
);

CREATE TABLE metering.corrections (
    tenant uuid NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    revision integer NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    corrected_at timestamp with time zone NOT NULL,
    call_id uuid NOT NULL,
    type text,
    subject text,
    customer_id uuid,
    occurred_at timestamp with time zone,
    data json,
    backfill_id uuid,
    was_customer_id uuid,
    CONSTRAINT corrections_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT corrections_check CHECK (((kind = 'amend'::text) = (type IS NOT NULL))),
    CONSTRAINT corrections_check1 CHECK ((((type IS NULL) = (subject IS NULL)) AND ((type IS NULL) = (customer_id IS NULL)) AND ((type IS NULL) = (occurred_at IS NULL)) AND ((type IS NULL) = (data IS NULL)))),
    CONSTRAINT corrections_kind_check CHECK ((kind = ANY (ARRAY['void'::text, 'amend'::text]))),
    CONSTRAINT corrections_reason_check CHECK (((reason <> ''::text) AND (length(reason) <= 500))),
    CONSTRAINT corrections_revision_check CHECK ((revision > 0))
);

CREATE TABLE metering.events (
    tenant uuid NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    customer_id uuid,
    occurred_at timestamp with time zone NOT NULL,
    timed boolean NOT NULL,
    batch_id uuid NOT NULL,
    data json NOT NULL,
    extensions json
);

CREATE VIEW metering.counted_events AS
 SELECT event.tenant,
    event.source,
    event.event_id,
    event.type,
    event.subject,
    event.customer_id,
    event.occurred_at,
    event.data,
    event.batch_id
   FROM metering.events event
  WHERE (NOT (EXISTS ( SELECT
           FROM metering.corrections correction
          WHERE ((correction.tenant = event.tenant) AND (correction.source = event.source) AND (correction.event_id = event.event_id)))))
UNION ALL
 SELECT amended.tenant,
    amended.source,
    amended.event_id,
    amended.type,
    amended.subject,
    amended.customer_id,
    amended.occurred_at,
    amended.data,
    event.batch_id
   FROM (metering.corrections amended
     JOIN metering.events event USING (tenant, source, event_id))
  WHERE ((amended.kind = 'amend'::text) AND (NOT (EXISTS ( SELECT
           FROM metering.corrections newer
          WHERE ((newer.tenant = amended.tenant) AND (newer.source = amended.source) AND (newer.event_id = amended.event_id) AND (newer.revision > amended.revision))))));

CREATE TABLE metering.imports (
    digest bytea NOT NULL,
    file_name text NOT NULL,
    next_row bigint DEFAULT 0 NOT NULL,
    accepted bigint DEFAULT 0 NOT NULL,
    duplicates bigint DEFAULT 0 NOT NULL,
    conflicts bigint DEFAULT 0 NOT NULL,
    rejected bigint DEFAULT 0 NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone
);

CREATE TABLE metering.rebuilds (
    series text NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    unit text NOT NULL,
    event_type text NOT NULL,
    aggregation text NOT NULL,
    value_path text[] NOT NULL,
    filter json,
    group_by json,
    state text NOT NULL,
    events_total bigint NOT NULL,
    events_done bigint DEFAULT 0 NOT NULL,
    next_customer uuid,
    next_hour timestamp with time zone,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT rebuilds_check CHECK (((state = 'building'::text) = (finished_at IS NULL))),
    CONSTRAINT rebuilds_events_done_check CHECK ((events_done >= 0)),
    CONSTRAINT rebuilds_events_total_check CHECK ((events_total >= 0)),
    CONSTRAINT rebuilds_state_check CHECK ((state = ANY (ARRAY['building'::text, 'done'::text, 'replaced'::text])))
);

CREATE TABLE metering.reconciliations (
    id uuid NOT NULL,
    began_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    since timestamp with time zone,
    until timestamp with time zone NOT NULL,
    differences bigint NOT NULL,
    repaired bigint NOT NULL,
    digest text NOT NULL,
    document text NOT NULL,
    CONSTRAINT reconciliations_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT reconciliations_differences_check CHECK ((differences >= 0)),
    CONSTRAINT reconciliations_digest_check CHECK ((digest ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT reconciliations_repaired_check CHECK ((repaired >= 0))
);

CREATE TABLE metering.rejected_events (
    tenant uuid NOT NULL,
    digest bytea NOT NULL,
    event_id text,
    field text NOT NULL,
    rule text NOT NULL,
    body bytea NOT NULL,
    first_received_at timestamp with time zone NOT NULL,
    last_received_at timestamp with time zone NOT NULL,
    times bigint DEFAULT 1 NOT NULL,
    id uuid GENERATED ALWAYS AS ((encode(SUBSTRING(sha256((uuid_send(tenant) || digest)) FROM 1 FOR 16), 'hex'::text))::uuid) STORED NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    CONSTRAINT rejected_events_status_check CHECK ((status = ANY (ARRAY['open'::text, 'replayed'::text, 'discarded'::text])))
);

CREATE TABLE metering.repairs (
    tenant uuid NOT NULL,
    digest bytea NOT NULL,
    outcome text NOT NULL,
    source text,
    event_id text,
    body bytea,
    actor text NOT NULL,
    reason text NOT NULL,
    repaired_at timestamp with time zone NOT NULL,
    CONSTRAINT repairs_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT repairs_check CHECK ((((outcome = 'replayed'::text) = (source IS NOT NULL)) AND ((source IS NULL) = (event_id IS NULL)))),
    CONSTRAINT repairs_check1 CHECK (((body IS NULL) OR (outcome = 'replayed'::text))),
    CONSTRAINT repairs_outcome_check CHECK ((outcome = ANY (ARRAY['replayed'::text, 'discarded'::text]))),
    CONSTRAINT repairs_reason_check CHECK ((reason <> ''::text))
);

CREATE TABLE metering.rollup_repairs (
    reconciliation_id uuid NOT NULL,
    meter text NOT NULL,
    customer_id uuid NOT NULL,
    hour timestamp with time zone NOT NULL,
    dimensions text NOT NULL,
    before numeric,
    after numeric,
    actor text NOT NULL,
    repaired_at timestamp with time zone NOT NULL,
    CONSTRAINT rollup_repairs_actor_check CHECK ((actor <> ''::text))
);

CREATE TABLE metering.rollups (
    meter text NOT NULL,
    customer_id uuid NOT NULL,
    hour timestamp with time zone NOT NULL,
    dimensions text DEFAULT ''::text NOT NULL,
    quantity numeric NOT NULL,
    events bigint NOT NULL,
    first_at timestamp with time zone,
    last_at timestamp with time zone,
    last_key text COLLATE pg_catalog."C",
    last_value numeric,
    CONSTRAINT rollups_events_check CHECK ((events > 0)),
    CONSTRAINT rollups_hour_check CHECK ((date_trunc('hour'::text, hour, 'UTC'::text) = hour))
)
WITH (fillfactor='70');

CREATE TABLE metering.spans (
    tenant uuid NOT NULL,
    trace_id uuid NOT NULL,
    span_id text NOT NULL,
    parent_id text NOT NULL,
    role text NOT NULL,
    started_us bigint NOT NULL,
    ended_us bigint NOT NULL,
    event json,
    state text DEFAULT 'none'::text NOT NULL,
    revision integer DEFAULT 0 NOT NULL,
    CONSTRAINT spans_check CHECK (((event IS NOT NULL) OR (state = 'none'::text))),
    CONSTRAINT spans_parent_id_check CHECK ((parent_id ~ '^([0-9a-f]{16})?$'::text)),
    CONSTRAINT spans_revision_check CHECK ((revision >= 0)),
    CONSTRAINT spans_role_check CHECK ((role = ANY (ARRAY['call'::text, 'tool'::text, 'sum'::text, 'other'::text]))),
    CONSTRAINT spans_span_id_check CHECK ((span_id ~ '^[0-9a-f]{16}$'::text)),
    CONSTRAINT spans_state_check CHECK ((state = ANY (ARRAY['none'::text, 'repeated'::text, 'counted'::text, 'rejected'::text])))
);

CREATE TABLE metering.stale_hours (
    series text NOT NULL,
    customer_id uuid NOT NULL,
    hour timestamp with time zone NOT NULL,
    marks bigint DEFAULT 1 NOT NULL
);

CREATE TABLE metering.traces (
    tenant uuid NOT NULL,
    trace_id uuid NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    has_usage boolean NOT NULL,
    spans integer DEFAULT 0 NOT NULL,
    CONSTRAINT traces_spans_check CHECK ((spans >= 0))
);

CREATE TABLE metering.unique_values (
    meter text NOT NULL,
    customer_id uuid NOT NULL,
    hour timestamp with time zone NOT NULL,
    dimensions text NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT unique_values_digest_check CHECK ((length(digest) = 16)),
    CONSTRAINT unique_values_hour_check CHECK ((date_trunc('hour'::text, hour, 'UTC'::text) = hour))
);

CREATE TABLE metering.unmetered_types (
    type text NOT NULL,
    events bigint NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    CONSTRAINT unmetered_types_events_check CHECK ((events > 0))
);

CREATE TABLE payments.allowed_steps (
    from_status text NOT NULL,
    to_status text NOT NULL
);

CREATE TABLE payments.checkouts (
    id uuid NOT NULL,
    payment_id uuid NOT NULL,
    gateway text NOT NULL,
    provider_id text,
    url text DEFAULT ''::text NOT NULL,
    fields jsonb DEFAULT '{}'::jsonb NOT NULL,
    return_url text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT checkouts_check CHECK ((expires_at > created_at)),
    CONSTRAINT checkouts_check1 CHECK (((provider_id IS NULL) = (url = ''::text)))
);

CREATE TABLE payments.deliveries (
    id uuid NOT NULL,
    gateway text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    status text NOT NULL,
    park_reason text,
    payment_id uuid,
    pulled boolean NOT NULL,
    body bytea NOT NULL,
    received_at timestamp with time zone NOT NULL,
    applied_at timestamp with time zone,
    duplicates integer DEFAULT 0 NOT NULL,
    replays integer DEFAULT 0 NOT NULL,
    CONSTRAINT deliveries_check CHECK (((status = 'parked'::text) = (park_reason IS NOT NULL))),
    CONSTRAINT deliveries_check1 CHECK (((status = 'received'::text) = (applied_at IS NULL))),
    CONSTRAINT deliveries_status_check CHECK ((status = ANY (ARRAY['received'::text, 'applied'::text, 'ignored'::text, 'parked'::text])))
);

CREATE TABLE payments.gateway_cursors (
    gateway text NOT NULL,
    cursor text NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

CREATE TABLE payments.history (
    id bigint NOT NULL,
    payment_id uuid NOT NULL,
    from_status text NOT NULL,
    to_status text NOT NULL,
    cause text NOT NULL,
    at timestamp with time zone NOT NULL
);

ALTER TABLE payments.history ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payments.history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE payments.payment_methods (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    gateway text NOT NULL,
    token text NOT NULL,
    brand text NOT NULL,
    last4 text NOT NULL,
    exp_month integer NOT NULL,
    exp_year integer NOT NULL,
    is_default boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT payment_methods_exp_month_check CHECK (((exp_month >= 1) AND (exp_month <= 12))),
    CONSTRAINT payment_methods_exp_year_check CHECK (((exp_year >= 2000) AND (exp_year <= 2199))),
    CONSTRAINT payment_methods_last4_check CHECK ((last4 ~ '^[0-9]{4}$'::text))
);

CREATE TABLE payments.payments (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    kind text NOT NULL,
    gateway text NOT NULL,
    mode text NOT NULL,
    reference text NOT NULL,
    attempt integer NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    description text NOT NULL,
    status text NOT NULL,
    method_id uuid,
    provider_id text,
    action_url text,
    failure_code text,
    failure_reason text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    succeeded_at timestamp with time zone,
    refunded_minor bigint DEFAULT 0 NOT NULL,
    refund_asked_minor bigint DEFAULT 0 NOT NULL,
    fee_minor bigint DEFAULT 0 NOT NULL,
    disputes_won integer DEFAULT 0 NOT NULL,
    CONSTRAINT payments_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT payments_attempt_check CHECK ((attempt >= 1)),
    CONSTRAINT payments_check CHECK (((kind = 'saved_method'::text) = (method_id IS NOT NULL))),
    CONSTRAINT payments_check1 CHECK (((status = 'failed'::text) = (failure_code IS NOT NULL))),
    CONSTRAINT payments_check2 CHECK (((status = ANY (ARRAY['succeeded'::text, 'refunded'::text, 'disputed'::text])) = (succeeded_at IS NOT NULL))),
    CONSTRAINT payments_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT payments_disputes_won_check CHECK ((disputes_won >= 0)),
    CONSTRAINT payments_fee_minor_check CHECK ((fee_minor >= 0)),
    CONSTRAINT payments_kind_check CHECK ((kind = ANY (ARRAY['checkout'::text, 'saved_method'::text]))),
    CONSTRAINT payments_mode_check CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
    CONSTRAINT payments_reference_check CHECK ((reference <> ''::text)),
    CONSTRAINT payments_refund_asked CHECK (((refund_asked_minor >= 0) AND (refund_asked_minor <= amount_minor))),
    CONSTRAINT payments_refunded CHECK (((refunded_minor >= 0) AND (refunded_minor <= amount_minor))),
    CONSTRAINT payments_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'requires_action'::text, 'processing'::text, 'succeeded'::text, 'failed'::text, 'refunded'::text, 'disputed'::text])))
);

CREATE TABLE payments.refunds (
    id uuid NOT NULL,
    payment_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    reference text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    CONSTRAINT refunds_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT refunds_reference_check CHECK ((reference <> ''::text))
);

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE sandbox.charges (
    id text NOT NULL,
    idempotency_key text NOT NULL,
    checkout_id text,
    merchant_payment_id text NOT NULL,
    reference text NOT NULL,
    token text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    failure_code text,
    created_at timestamp with time zone NOT NULL,
    refunded_minor bigint DEFAULT 0 NOT NULL,
    fee_minor bigint DEFAULT 0 NOT NULL,
    disputes_won integer DEFAULT 0 NOT NULL,
    CONSTRAINT charges_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT charges_check CHECK (((status = 'failed'::text) = (failure_code IS NOT NULL))),
    CONSTRAINT charges_disputes_won_check CHECK ((disputes_won >= 0)),
    CONSTRAINT charges_fee_minor_check CHECK ((fee_minor >= 0)),
    CONSTRAINT charges_refunded CHECK (((refunded_minor >= 0) AND (refunded_minor <= amount_minor))),
    CONSTRAINT charges_status_check CHECK ((status = ANY (ARRAY['requires_action'::text, 'succeeded'::text, 'failed'::text, 'refunded'::text, 'disputed'::text])))
);

CREATE TABLE sandbox.checkouts (
    id text NOT NULL,
    idempotency_key text NOT NULL,
    customer text NOT NULL,
    reference text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    description text NOT NULL,
    return_url text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT checkouts_amount_minor_check CHECK ((amount_minor > 0))
);

CREATE TABLE sandbox.events (
    id text NOT NULL,
    written_by xid8 DEFAULT pg_current_xact_id() NOT NULL,
    "position" bigint NOT NULL,
    type text NOT NULL,
    body bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    delivered_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    last_status integer
);

ALTER TABLE sandbox.events ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME sandbox.events_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE sandbox.methods (
    token text NOT NULL,
    customer text NOT NULL,
    behaviour text NOT NULL,
    brand text NOT NULL,
    last4 text NOT NULL,
    exp_month integer NOT NULL,
    exp_year integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT methods_last4_check CHECK ((last4 ~ '^[0-9]{4}$'::text))
);

CREATE TABLE sandbox.refunds (
    idempotency_key text NOT NULL,
    charge_id text NOT NULL,
    amount_minor bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT refunds_amount_minor_check CHECK ((amount_minor > 0))
);

CREATE TABLE subscriptions.addon_changes (
    subscription_id uuid NOT NULL,
    addon_key text NOT NULL,
    number integer NOT NULL,
    quantity integer NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT addon_changes_addon_key_check CHECK ((addon_key <> ''::text)),
    CONSTRAINT addon_changes_number_check CHECK ((number > 0)),
    CONSTRAINT addon_changes_quantity_check CHECK ((quantity >= 0))
);

CREATE TABLE subscriptions.hold_draws (
    hold_id uuid NOT NULL,
    sequence bigint NOT NULL,
    quantity numeric NOT NULL,
    drawn_after numeric NOT NULL,
    drawn_at timestamp with time zone NOT NULL,
    CONSTRAINT hold_draws_check CHECK ((drawn_after >= quantity)),
    CONSTRAINT hold_draws_quantity_check CHECK ((quantity > (0)::numeric)),
    CONSTRAINT hold_draws_sequence_check CHECK ((sequence > 0))
);

CREATE TABLE subscriptions.holds (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    meter text NOT NULL,
    key text NOT NULL,
    event_type text NOT NULL,
    aggregation text NOT NULL,
    value_path text[] NOT NULL,
    overage_allowed boolean NOT NULL,
    quantity numeric NOT NULL,
    drawn numeric DEFAULT 0 NOT NULL,
    remaining numeric,
    expires_in_seconds integer NOT NULL,
    made_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    status text DEFAULT 'held'::text NOT NULL,
    used numeric,
    data text,
    ended_at timestamp with time zone,
    CONSTRAINT holds_aggregation_check CHECK ((aggregation = ANY (ARRAY['count'::text, 'sum'::text]))),
    CONSTRAINT holds_check CHECK (((drawn >= (0)::numeric) AND (drawn <= quantity))),
    CONSTRAINT holds_check1 CHECK ((used >= drawn)),
    CONSTRAINT holds_check2 CHECK ((((status = 'held'::text) = (used IS NULL)) AND ((used IS NULL) = (ended_at IS NULL)))),
    CONSTRAINT holds_check3 CHECK (((status = 'settled'::text) = (data IS NOT NULL))),
    CONSTRAINT holds_check4 CHECK (((status <> ALL (ARRAY['released'::text, 'expired'::text])) OR (used = drawn))),
    CONSTRAINT holds_expires_in_seconds_check CHECK ((expires_in_seconds > 0)),
    CONSTRAINT holds_quantity_check CHECK ((quantity > (0)::numeric)),
    CONSTRAINT holds_remaining_check CHECK ((remaining >= (0)::numeric)),
    CONSTRAINT holds_status_check CHECK ((status = ANY (ARRAY['held'::text, 'settled'::text, 'released'::text, 'expired'::text])))
);

CREATE TABLE subscriptions.periods (
    id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    plan_version_id uuid NOT NULL,
    billing_interval text NOT NULL,
    ordinal integer NOT NULL,
    start_at timestamp with time zone NOT NULL,
    end_at timestamp with time zone NOT NULL,
    planned_end_at timestamp with time zone NOT NULL,
    follows_at timestamp with time zone,
    status text DEFAULT 'open'::text NOT NULL,
    fee_invoiced boolean NOT NULL,
    kind text DEFAULT 'paid'::text NOT NULL,
    put_off_to timestamp with time zone,
    CONSTRAINT periods_billing_interval_check CHECK ((billing_interval = ANY (ARRAY['month'::text, 'year'::text]))),
    CONSTRAINT periods_check CHECK ((follows_at = start_at)),
    CONSTRAINT periods_check1 CHECK (((start_at < end_at) AND (end_at <= planned_end_at))),
    CONSTRAINT periods_kind_check CHECK ((kind = ANY (ARRAY['paid'::text, 'trial'::text, 'pause'::text]))),
    CONSTRAINT periods_only_paid_ones_have_a_fee CHECK (((kind = 'paid'::text) OR (NOT fee_invoiced))),
    CONSTRAINT periods_ordinal_check CHECK ((ordinal > 0)),
    CONSTRAINT periods_status_check CHECK ((status = ANY (ARRAY['open'::text, 'closed'::text])))
);

CREATE TABLE subscriptions.quotas (
    customer_id uuid NOT NULL,
    meter text NOT NULL
);

CREATE TABLE subscriptions.subscriptions (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    plan_version_id uuid NOT NULL,
    plan_key text NOT NULL,
    currency text NOT NULL,
    billing_interval text NOT NULL,
    status text NOT NULL,
    cancel_at_period_end boolean DEFAULT false NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    anchor_at timestamp with time zone NOT NULL,
    time_zone text NOT NULL,
    pause_at_period_end boolean DEFAULT false NOT NULL,
    next_plan_version_id uuid,
    next_plan_key text,
    next_interval text,
    suspended_at timestamp with time zone,
    CONSTRAINT subscriptions_billing_interval_check CHECK ((billing_interval = ANY (ARRAY['month'::text, 'year'::text]))),
    CONSTRAINT subscriptions_check CHECK (((ended_at IS NOT NULL) = (status = ANY (ARRAY['cancelled'::text, 'ended'::text])))),
    CONSTRAINT subscriptions_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT subscriptions_next_interval_check CHECK ((next_interval = ANY (ARRAY['month'::text, 'year'::text]))),
    CONSTRAINT subscriptions_next_together CHECK ((num_nonnulls(next_plan_version_id, next_plan_key, next_interval) = ANY (ARRAY[0, 3]))),
    CONSTRAINT subscriptions_one_plan CHECK (((((cancel_at_period_end)::integer + (pause_at_period_end)::integer) + ((next_plan_version_id IS NOT NULL))::integer) <= 1)),
    CONSTRAINT subscriptions_status_check CHECK ((status = ANY (ARRAY['trialing'::text, 'incomplete'::text, 'active'::text, 'past_due'::text, 'paused'::text, 'cancelled'::text, 'ended'::text])))
);

CREATE TABLE subscriptions.trials (
    customer_id uuid NOT NULL,
    plan_key text NOT NULL,
    subscription_id uuid NOT NULL,
    period_id uuid NOT NULL,
    started_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY accounts.api_keys
    ADD CONSTRAINT api_keys_key_id_key UNIQUE (key_id);

ALTER TABLE ONLY accounts.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY accounts.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (bucket);

ALTER TABLE ONLY accounts.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY accounts.customers
    ADD CONSTRAINT customers_key_key UNIQUE (key);

ALTER TABLE ONLY accounts.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY accounts.members
    ADD CONSTRAINT members_pkey PRIMARY KEY (customer_id, user_id);

ALTER TABLE ONLY accounts.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY accounts.sessions
    ADD CONSTRAINT sessions_token_digest_key UNIQUE (token_digest);

ALTER TABLE ONLY accounts.users
    ADD CONSTRAINT users_email_folded_key UNIQUE (email_folded);

ALTER TABLE ONLY accounts.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY billing.audits
    ADD CONSTRAINT audits_pkey PRIMARY KEY (id);

ALTER TABLE ONLY billing.automatic_top_ups
    ADD CONSTRAINT automatic_top_ups_pkey PRIMARY KEY (customer_id, currency);

ALTER TABLE ONLY billing.closings
    ADD CONSTRAINT closings_pkey PRIMARY KEY (period_id);

ALTER TABLE ONLY billing.coupon_codes
    ADD CONSTRAINT coupon_codes_pkey PRIMARY KEY (code);

ALTER TABLE ONLY billing.coupon_uses
    ADD CONSTRAINT coupon_uses_pkey PRIMARY KEY (redemption_id, number);

ALTER TABLE ONLY billing.coupon_uses
    ADD CONSTRAINT coupon_uses_redemption_id_invoice_id_key UNIQUE (redemption_id, invoice_id);

ALTER TABLE ONLY billing.credit_note_lines
    ADD CONSTRAINT credit_note_lines_credit_note_id_invoice_line_id_key UNIQUE (credit_note_id, invoice_line_id);

ALTER TABLE ONLY billing.credit_note_lines
    ADD CONSTRAINT credit_note_lines_credit_note_id_position_key UNIQUE (credit_note_id, "position");

ALTER TABLE ONLY billing.credit_note_lines
    ADD CONSTRAINT credit_note_lines_pkey PRIMARY KEY (id);

ALTER TABLE ONLY billing.credit_notes
    ADD CONSTRAINT credit_notes_invoice_key UNIQUE (invoice_id, key);

ALTER TABLE ONLY billing.credit_notes
    ADD CONSTRAINT credit_notes_number_key UNIQUE (number);

ALTER TABLE ONLY billing.credit_notes
    ADD CONSTRAINT credit_notes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY billing.dunning_events
    ADD CONSTRAINT dunning_events_invoice_id_step_key UNIQUE (invoice_id, step);

ALTER TABLE ONLY billing.dunning_events
    ADD CONSTRAINT dunning_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY billing.dunnings
    ADD CONSTRAINT dunnings_pkey PRIMARY KEY (invoice_id);

ALTER TABLE ONLY billing.failed_closings
    ADD CONSTRAINT failed_closings_pkey PRIMARY KEY (period_id);

ALTER TABLE ONLY billing.invoice_lines
    ADD CONSTRAINT invoice_lines_invoice_id_position_key UNIQUE (invoice_id, "position");

ALTER TABLE ONLY billing.invoice_lines
    ADD CONSTRAINT invoice_lines_pkey PRIMARY KEY (id);

ALTER TABLE ONLY billing.invoice_numbers
    ADD CONSTRAINT invoice_numbers_pkey PRIMARY KEY (series);

ALTER TABLE ONLY billing.invoice_payments
    ADD CONSTRAINT invoice_payments_invoice_id_key UNIQUE (invoice_id);

ALTER TABLE ONLY billing.invoice_payments
    ADD CONSTRAINT invoice_payments_pkey PRIMARY KEY (payment_id);

ALTER TABLE ONLY billing.invoices
    ADD CONSTRAINT invoices_number_key UNIQUE (number);

ALTER TABLE ONLY billing.invoices
    ADD CONSTRAINT invoices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY billing.mrr_changes
    ADD CONSTRAINT mrr_changes_pkey PRIMARY KEY (customer_id, at, currency);

ALTER TABLE ONLY billing.pending_changes
    ADD CONSTRAINT pending_changes_invoice_id_key UNIQUE (invoice_id);

ALTER TABLE ONLY billing.pending_changes
    ADD CONSTRAINT pending_changes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY billing.period_fees
    ADD CONSTRAINT period_fees_line_id_key UNIQUE (line_id);

ALTER TABLE ONLY billing.period_fees
    ADD CONSTRAINT period_fees_pkey PRIMARY KEY (period_id);

ALTER TABLE ONLY billing.plan_moves
    ADD CONSTRAINT plan_moves_pkey PRIMARY KEY (subscription_id, to_plan_version_id);

ALTER TABLE ONLY billing.rated_usage
    ADD CONSTRAINT rated_usage_once_per_revision UNIQUE (period_id, meter, cell, revision);

ALTER TABLE ONLY billing.rated_usage
    ADD CONSTRAINT rated_usage_pkey PRIMARY KEY (id);

ALTER TABLE ONLY billing.recognitions
    ADD CONSTRAINT recognitions_currency_since_key UNIQUE (currency, since);

ALTER TABLE ONLY billing.recognitions
    ADD CONSTRAINT recognitions_pkey PRIMARY KEY (currency, until);

ALTER TABLE ONLY billing.redemptions
    ADD CONSTRAINT redemptions_code_number_key UNIQUE (code, number);

ALTER TABLE ONLY billing.redemptions
    ADD CONSTRAINT redemptions_customer_key UNIQUE (customer_id, key);

ALTER TABLE ONLY billing.redemptions
    ADD CONSTRAINT redemptions_id_uses_max_key UNIQUE (id, uses_max);

ALTER TABLE ONLY billing.redemptions
    ADD CONSTRAINT redemptions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY billing.revenue_counts
    ADD CONSTRAINT revenue_counts_pkey PRIMARY KEY (until);

ALTER TABLE ONLY billing.revenue_counts
    ADD CONSTRAINT revenue_counts_since_key UNIQUE (since);

ALTER TABLE ONLY billing.revenue_sums
    ADD CONSTRAINT revenue_sums_pkey PRIMARY KEY (until, month, currency, figure, meter);

ALTER TABLE ONLY billing.top_ups
    ADD CONSTRAINT top_ups_pkey PRIMARY KEY (id);

ALTER TABLE ONLY billing.unapplied_payments
    ADD CONSTRAINT unapplied_payments_pkey PRIMARY KEY (payment_id);

ALTER TABLE ONLY billing.unapplied_refunds
    ADD CONSTRAINT unapplied_refunds_pkey PRIMARY KEY (payment_id);

ALTER TABLE ONLY billing.wallet_grants
    ADD CONSTRAINT wallet_grants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY billing.wallet_grants
    ADD CONSTRAINT wallet_grants_source_key UNIQUE (source);

ALTER TABLE ONLY billing.wallet_movements
    ADD CONSTRAINT wallet_movements_pkey PRIMARY KEY (id);

ALTER TABLE ONLY catalog.coupon_versions
    ADD CONSTRAINT coupon_versions_coupon_key_version_key UNIQUE (coupon_key, version);

ALTER TABLE ONLY catalog.coupon_versions
    ADD CONSTRAINT coupon_versions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY catalog.plan_versions
    ADD CONSTRAINT plan_versions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY catalog.plan_versions
    ADD CONSTRAINT plan_versions_plan_key_version_key UNIQUE (plan_key, version);

ALTER TABLE ONLY catalog.prices
    ADD CONSTRAINT prices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY catalog.prices
    ADD CONSTRAINT prices_plan_version_id_position_key UNIQUE (plan_version_id, "position");

ALTER TABLE ONLY kit.facts
    ADD CONSTRAINT facts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY kit.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY kit.mails
    ADD CONSTRAINT mails_pkey PRIMARY KEY (id);

ALTER TABLE ONLY kit.sandbox_clock
    ADD CONSTRAINT sandbox_clock_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY kit.schedule_runs
    ADD CONSTRAINT schedule_runs_pkey PRIMARY KEY (task, due_at);

ALTER TABLE ONLY ledger.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (name);

ALTER TABLE ONLY ledger.entries
    ADD CONSTRAINT entries_pkey PRIMARY KEY (transaction_id, "position");

ALTER TABLE ONLY ledger.transactions
    ADD CONSTRAINT transactions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY ledger.transactions
    ADD CONSTRAINT transactions_reference_key UNIQUE (reference);

ALTER TABLE ONLY metering.adjustments
    ADD CONSTRAINT adjustments_pkey PRIMARY KEY (call_id, meter, customer_id, hour, dimensions);

ALTER TABLE ONLY metering.backfills
    ADD CONSTRAINT backfills_pkey PRIMARY KEY (id);

ALTER TABLE ONLY metering.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY metering.conflict_decisions
    ADD CONSTRAINT conflict_decisions_pkey PRIMARY KEY (tenant, source, event_id, digest);

ALTER TABLE ONLY metering.conflicts
    ADD CONSTRAINT conflicts_pkey PRIMARY KEY (tenant, source, event_id, digest);

ALTER TABLE ONLY metering.control_findings
    ADD CONSTRAINT control_findings_pkey PRIMARY KEY (hour, tenant, source, producer, event_id, kind);

ALTER TABLE ONLY metering.control_totals
    ADD CONSTRAINT control_totals_pkey PRIMARY KEY (hour, tenant, source, producer, revision);

ALTER TABLE ONLY metering.corrections
    ADD CONSTRAINT corrections_pkey PRIMARY KEY (tenant, source, event_id, revision);

ALTER TABLE ONLY metering.events
    ADD CONSTRAINT events_identity PRIMARY KEY (tenant, source, event_id);

ALTER TABLE ONLY metering.imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY metering.meters
    ADD CONSTRAINT meters_pkey PRIMARY KEY (key);

ALTER TABLE ONLY metering.rebuilds
    ADD CONSTRAINT rebuilds_pkey PRIMARY KEY (series);

ALTER TABLE ONLY metering.reconciliations
    ADD CONSTRAINT reconciliations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY metering.rejected_events
    ADD CONSTRAINT rejected_events_pkey PRIMARY KEY (tenant, digest);

ALTER TABLE ONLY metering.repairs
    ADD CONSTRAINT repairs_pkey PRIMARY KEY (tenant, digest);

ALTER TABLE ONLY metering.rollup_repairs
    ADD CONSTRAINT rollup_repairs_pkey PRIMARY KEY (reconciliation_id, meter, customer_id, hour, dimensions);

ALTER TABLE ONLY metering.rollups
    ADD CONSTRAINT rollups_pkey PRIMARY KEY (customer_id, meter, hour, dimensions);

ALTER TABLE ONLY metering.spans
    ADD CONSTRAINT spans_pkey PRIMARY KEY (tenant, trace_id, span_id);

ALTER TABLE ONLY metering.stale_hours
    ADD CONSTRAINT stale_hours_pkey PRIMARY KEY (series, customer_id, hour);

ALTER TABLE ONLY metering.traces
    ADD CONSTRAINT traces_pkey PRIMARY KEY (tenant, trace_id);

ALTER TABLE ONLY metering.unique_values
    ADD CONSTRAINT unique_values_pkey PRIMARY KEY (customer_id, meter, hour, dimensions, digest);

ALTER TABLE ONLY metering.unmetered_types
    ADD CONSTRAINT unmetered_types_pkey PRIMARY KEY (type);

ALTER TABLE ONLY payments.allowed_steps
    ADD CONSTRAINT allowed_steps_pkey PRIMARY KEY (from_status, to_status);

ALTER TABLE ONLY payments.checkouts
    ADD CONSTRAINT checkouts_gateway_provider_id_key UNIQUE (gateway, provider_id);

ALTER TABLE ONLY payments.checkouts
    ADD CONSTRAINT checkouts_payment_id_key UNIQUE (payment_id);

ALTER TABLE ONLY payments.checkouts
    ADD CONSTRAINT checkouts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY payments.deliveries
    ADD CONSTRAINT deliveries_gateway_event_id_key UNIQUE (gateway, event_id);

ALTER TABLE ONLY payments.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY payments.gateway_cursors
    ADD CONSTRAINT gateway_cursors_pkey PRIMARY KEY (gateway);

ALTER TABLE ONLY payments.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (id);

ALTER TABLE ONLY payments.payment_methods
    ADD CONSTRAINT payment_methods_gateway_token_key UNIQUE (gateway, token);

ALTER TABLE ONLY payments.payment_methods
    ADD CONSTRAINT payment_methods_pkey PRIMARY KEY (id);

ALTER TABLE ONLY payments.payments
    ADD CONSTRAINT payments_gateway_provider_id_key UNIQUE (gateway, provider_id);

ALTER TABLE ONLY payments.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY payments.payments
    ADD CONSTRAINT payments_reference_attempt_key UNIQUE (reference, attempt);

ALTER TABLE ONLY payments.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY payments.refunds
    ADD CONSTRAINT refunds_reference_key UNIQUE (reference);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY sandbox.charges
    ADD CONSTRAINT charges_idempotency_key_key UNIQUE (idempotency_key);

ALTER TABLE ONLY sandbox.charges
    ADD CONSTRAINT charges_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sandbox.checkouts
    ADD CONSTRAINT checkouts_idempotency_key_key UNIQUE (idempotency_key);

ALTER TABLE ONLY sandbox.checkouts
    ADD CONSTRAINT checkouts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sandbox.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sandbox.methods
    ADD CONSTRAINT methods_pkey PRIMARY KEY (token);

ALTER TABLE ONLY sandbox.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (idempotency_key);

ALTER TABLE ONLY subscriptions.addon_changes
    ADD CONSTRAINT addon_changes_pkey PRIMARY KEY (subscription_id, addon_key, number);

ALTER TABLE ONLY subscriptions.hold_draws
    ADD CONSTRAINT hold_draws_pkey PRIMARY KEY (hold_id, sequence);

ALTER TABLE ONLY subscriptions.holds
    ADD CONSTRAINT holds_customer_id_key_key UNIQUE (customer_id, key);

ALTER TABLE ONLY subscriptions.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY subscriptions.periods
    ADD CONSTRAINT periods_customer_id_tstzrange_excl EXCLUDE USING gist (customer_id WITH =, tstzrange(start_at, end_at) WITH &&);

ALTER TABLE ONLY subscriptions.periods
    ADD CONSTRAINT periods_pkey PRIMARY KEY (id);

ALTER TABLE ONLY subscriptions.periods
    ADD CONSTRAINT periods_subscription_id_end_at_key UNIQUE (subscription_id, end_at);

ALTER TABLE ONLY subscriptions.quotas
    ADD CONSTRAINT quotas_pkey PRIMARY KEY (customer_id, meter);

ALTER TABLE ONLY subscriptions.subscriptions
    ADD CONSTRAINT subscriptions_id_customer_id_key UNIQUE (id, customer_id);

ALTER TABLE ONLY subscriptions.subscriptions
    ADD CONSTRAINT subscriptions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY subscriptions.trials
    ADD CONSTRAINT trials_period_id_key UNIQUE (period_id);

ALTER TABLE ONLY subscriptions.trials
    ADD CONSTRAINT trials_pkey PRIMARY KEY (customer_id, plan_key);

CREATE INDEX api_keys_customer ON accounts.api_keys USING btree (customer_id);

CREATE INDEX attempts_window ON accounts.attempts USING btree (window_started_at);

CREATE INDEX audit_target ON accounts.audit USING btree (target, id DESC);

CREATE INDEX members_user ON accounts.members USING btree (user_id, created_at);

CREATE INDEX sessions_user ON accounts.sessions USING btree (user_id, last_seen_at DESC);

CREATE INDEX audits_newest ON billing.audits USING btree (began_at DESC, id DESC);

CREATE INDEX closings_newest ON billing.closings USING btree (closed_at);

CREATE INDEX closings_of_payer ON billing.closings USING btree (customer_id, currency, period_end DESC);

CREATE INDEX credit_note_lines_of_line ON billing.credit_note_lines USING btree (invoice_line_id);

CREATE INDEX credit_notes_issued ON billing.credit_notes USING btree (issued_at DESC, id DESC);

CREATE INDEX credit_notes_of_customer ON billing.credit_notes USING btree (customer_id, issued_at DESC, id DESC);

CREATE INDEX credit_notes_of_invoice ON billing.credit_notes USING btree (invoice_id);

CREATE INDEX dunning_events_of_invoice ON billing.dunning_events USING btree (invoice_id, at, id);

CREATE INDEX dunnings_newest ON billing.dunnings USING btree (began_at DESC, invoice_id DESC);

CREATE INDEX dunnings_of_anybody ON billing.dunnings USING btree (customer_id);

CREATE INDEX dunnings_of_customer ON billing.dunnings USING btree (customer_id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX invoice_lines_once_per_addon ON billing.invoice_lines USING btree (invoice_id, price_id) WHERE (kind = 'addon'::text);

CREATE UNIQUE INDEX invoice_lines_once_per_coupon ON billing.invoice_lines USING btree (invoice_id, redemption_id) WHERE (redemption_id IS NOT NULL);

CREATE UNIQUE INDEX invoice_lines_once_per_rating ON billing.invoice_lines USING btree (rated_usage_id) WHERE (rated_usage_id IS NOT NULL);

CREATE INDEX invoices_disputed ON billing.invoices USING btree (subscription_id) WHERE (disputed_at IS NOT NULL);

CREATE INDEX invoices_issued ON billing.invoices USING btree (issued_at DESC, id DESC) WHERE (issued_at IS NOT NULL);

CREATE INDEX invoices_of_customer ON billing.invoices USING btree (customer_id, issued_at DESC, id DESC);

CREATE UNIQUE INDEX invoices_once_per_period ON billing.invoices USING btree (period_id, purpose) WHERE ((purpose <> 'upgrade'::text) AND (status <> 'void'::text));

CREATE INDEX invoices_open ON billing.invoices USING btree (subscription_id) WHERE (status = 'open'::text);

CREATE INDEX invoices_overdue ON billing.invoices USING btree (due_at, id) WHERE (status = 'open'::text);

CREATE INDEX invoices_paid ON billing.invoices USING btree (customer_id, paid_at) WHERE ((paid_at IS NOT NULL) AND (total_minor > 0));

CREATE INDEX invoices_voided ON billing.invoices USING btree (voided_at) WHERE (voided_at IS NOT NULL);

CREATE INDEX mrr_changes_newest ON billing.mrr_changes USING btree (currency, at DESC, customer_id DESC);

CREATE UNIQUE INDEX pending_changes_applied_once ON billing.pending_changes USING btree (period_id) WHERE (status = 'applied'::text);

CREATE UNIQUE INDEX pending_changes_once ON billing.pending_changes USING btree (subscription_id, plan_version_id, "interval") WHERE (status = 'waiting'::text);

CREATE INDEX redemptions_of_customer ON billing.redemptions USING btree (customer_id, redeemed_at);

CREATE UNIQUE INDEX redemptions_one_per_customer ON billing.redemptions USING btree (coupon_key, customer_id) WHERE one_per_customer;

CREATE INDEX top_ups_of_customer ON billing.top_ups USING btree (customer_id, created_at DESC, id DESC);

CREATE UNIQUE INDEX top_ups_one_automatic ON billing.top_ups USING btree (customer_id, currency) WHERE (automatic AND (status = 'pending'::text));

CREATE INDEX wallet_grants_of_customer ON billing.wallet_grants USING btree (customer_id, currency);

CREATE UNIQUE INDEX wallet_movements_granted_once ON billing.wallet_movements USING btree (grant_id) WHERE (kind = 'grant'::text);

CREATE INDEX wallet_movements_of_customer ON billing.wallet_movements USING btree (customer_id, id DESC);

CREATE INDEX wallet_movements_of_invoice ON billing.wallet_movements USING btree (invoice_id) WHERE (invoice_id IS NOT NULL);

CREATE UNIQUE INDEX wallet_movements_once_per_invoice ON billing.wallet_movements USING btree (grant_id, invoice_id, kind) WHERE (invoice_id IS NOT NULL);

CREATE UNIQUE INDEX prices_one_addon ON catalog.prices USING btree (plan_version_id, currency, billing_interval, ((addon ->> 'key'::text))) WHERE (kind = 'addon'::text);

CREATE UNIQUE INDEX prices_one_flat ON catalog.prices USING btree (plan_version_id, currency, billing_interval) WHERE (kind = 'flat'::text);

CREATE UNIQUE INDEX prices_one_usage ON catalog.prices USING btree (plan_version_id, currency, meter, cell) WHERE (kind = 'usage'::text);

CREATE INDEX facts_of_customer ON kit.facts USING btree (((payload ->> 'customer_id'::text)), recorded_at DESC, id DESC) WHERE (((payload ->> 'customer_id'::text) IS NOT NULL) AND (name <> ALL (ARRAY['PeriodOpened'::text, 'PeriodCut'::text, 'CreditsFell'::text])));

CREATE INDEX facts_recorded ON kit.facts USING btree (recorded_at DESC, id DESC);

CREATE INDEX jobs_dead ON kit.jobs USING btree (due_at, id) WHERE (state = 'dead'::text);

CREATE INDEX jobs_due ON kit.jobs USING btree (due_at, id) WHERE (state = 'waiting'::text);

CREATE UNIQUE INDEX jobs_waiting_key ON kit.jobs USING btree (key) WHERE ((state = 'waiting'::text) AND (key IS NOT NULL));

CREATE INDEX mails_created ON kit.mails USING btree (created_at DESC, id DESC);

CREATE INDEX mails_of_recipient ON kit.mails USING btree (recipient, created_at DESC, id DESC);

CREATE INDEX entries_account ON ledger.entries USING btree (account, currency) INCLUDE (amount_minor);

CREATE INDEX transactions_recorded ON ledger.transactions USING brin (recorded_at) WITH (pages_per_range='16');

CREATE INDEX adjustments_customer ON metering.adjustments USING btree (customer_id, adjusted_at);

CREATE UNIQUE INDEX backfills_digest ON metering.backfills USING btree (digest) WHERE (state <> 'reverted'::text);

CREATE UNIQUE INDEX backfills_tag ON metering.backfills USING btree (tag) WHERE (state <> 'reverted'::text);

CREATE INDEX batches_backfill ON metering.batches USING btree (backfill_id, id) WHERE (backfill_id IS NOT NULL);

CREATE INDEX batches_received ON metering.batches USING btree (received_at);

CREATE INDEX conflicts_event ON metering.conflicts USING btree (event_id, tenant);

CREATE INDEX conflicts_id ON metering.conflicts USING btree (id);

CREATE INDEX conflicts_status ON metering.conflicts USING btree (status, received_at, id);

CREATE INDEX conflicts_tenant ON metering.conflicts USING btree (tenant, status, received_at, id);

CREATE INDEX control_totals_sent ON metering.control_totals USING btree (sent_at);

CREATE INDEX corrections_at ON metering.corrections USING btree (corrected_at);

CREATE INDEX corrections_backfill ON metering.corrections USING btree (backfill_id) WHERE (backfill_id IS NOT NULL);

CREATE INDEX corrections_call ON metering.corrections USING btree (call_id);

CREATE INDEX corrections_customer_time ON metering.corrections USING btree (customer_id, occurred_at) WHERE (kind = 'amend'::text);

CREATE INDEX corrections_is_customer ON metering.corrections USING btree (customer_id, corrected_at) WHERE ((customer_id <> was_customer_id) OR (was_customer_id IS NULL));

CREATE INDEX corrections_was_customer ON metering.corrections USING btree (was_customer_id, corrected_at);

CREATE INDEX events_batch ON metering.events USING brin (batch_id) WITH (pages_per_range='32');

CREATE INDEX events_customer_time ON metering.events USING btree (customer_id, occurred_at);

CREATE INDEX events_time ON metering.events USING btree (occurred_at);

CREATE INDEX events_unclaimed ON metering.events USING btree (subject) WHERE (customer_id IS NULL);

CREATE UNIQUE INDEX rebuilds_building ON metering.rebuilds USING btree (key) WHERE (state = 'building'::text);

CREATE INDEX rejected_events_event ON metering.rejected_events USING btree (event_id, tenant);

CREATE INDEX rejected_events_id ON metering.rejected_events USING btree (id);

CREATE INDEX rejected_events_last ON metering.rejected_events USING btree (last_received_at);

CREATE INDEX rejected_events_rule ON metering.rejected_events USING btree (field, rule, id) WHERE (status = 'open'::text);

CREATE INDEX rejected_events_status ON metering.rejected_events USING btree (status, last_received_at, id);

CREATE INDEX rejected_events_tenant ON metering.rejected_events USING btree (tenant, status, last_received_at, id);

CREATE INDEX rejected_events_tenant_rule ON metering.rejected_events USING btree (tenant, field, rule, id) WHERE (status = 'open'::text);

CREATE INDEX repairs_event ON metering.repairs USING btree (tenant, source, event_id) WHERE (outcome = 'replayed'::text);

CREATE INDEX rollups_meter ON metering.rollups USING btree (meter);

CREATE INDEX traces_without_usage ON metering.traces USING btree (last_seen_at) WHERE (NOT has_usage);

CREATE INDEX unique_values_meter ON metering.unique_values USING btree (meter);

CREATE INDEX deliveries_payment ON payments.deliveries USING btree (payment_id, id DESC);

CREATE INDEX deliveries_status ON payments.deliveries USING btree (status, id DESC);

CREATE INDEX history_of_payment ON payments.history USING btree (payment_id, id);

CREATE UNIQUE INDEX history_reached_once ON payments.history USING btree (payment_id, to_status) WHERE ((to_status <> 'disputed'::text) AND (from_status <> 'disputed'::text));

CREATE INDEX payment_methods_customer ON payments.payment_methods USING btree (customer_id);

CREATE UNIQUE INDEX payment_methods_one_default ON payments.payment_methods USING btree (customer_id) WHERE is_default;

CREATE INDEX payments_customer ON payments.payments USING btree (customer_id, id DESC);

CREATE INDEX payments_live ON payments.payments USING btree (updated_at) WHERE (status = ANY (ARRAY['pending'::text, 'requires_action'::text, 'processing'::text]));

CREATE UNIQUE INDEX payments_one_live ON payments.payments USING btree (reference) WHERE (status = ANY (ARRAY['pending'::text, 'requires_action'::text, 'processing'::text]));

CREATE INDEX refunds_of_payment ON payments.refunds USING btree (payment_id);

CREATE INDEX charges_checkout ON sandbox.charges USING btree (checkout_id, created_at);

CREATE UNIQUE INDEX charges_one_success ON sandbox.charges USING btree (merchant_payment_id) WHERE (status = ANY (ARRAY['succeeded'::text, 'refunded'::text, 'disputed'::text]));

CREATE INDEX events_list ON sandbox.events USING btree (written_by, "position");

CREATE INDEX holds_outstanding ON subscriptions.holds USING btree (customer_id, meter, made_at) WHERE (status = 'held'::text);

CREATE INDEX holds_overdue ON subscriptions.holds USING btree (expires_at) WHERE (status = 'held'::text);

CREATE INDEX periods_due ON subscriptions.periods USING btree (COALESCE(put_off_to, end_at), id) WHERE (status = 'open'::text);

CREATE UNIQUE INDEX periods_one_first ON subscriptions.periods USING btree (subscription_id) WHERE (follows_at IS NULL);

CREATE INDEX subscriptions_customer ON subscriptions.subscriptions USING btree (customer_id, started_at);

CREATE UNIQUE INDEX subscriptions_one_incomplete ON subscriptions.subscriptions USING btree (customer_id) WHERE (status = 'incomplete'::text);

CREATE UNIQUE INDEX subscriptions_one_live ON subscriptions.subscriptions USING btree (customer_id) WHERE (status = ANY (ARRAY['trialing'::text, 'active'::text, 'past_due'::text, 'paused'::text]));

CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON accounts.audit FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER audits_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.audits FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER closings_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.closings FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER coupon_uses_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.coupon_uses FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER credit_note_lines_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.credit_note_lines FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER credit_note_lines_check BEFORE INSERT ON billing.credit_note_lines FOR EACH ROW EXECUTE FUNCTION billing.check_credited_line();

CREATE TRIGGER credit_note_lines_once BEFORE INSERT ON billing.credit_note_lines FOR EACH ROW EXECUTE FUNCTION billing.forbid_credit_twice();

CREATE CONSTRAINT TRIGGER credit_note_lines_sums AFTER INSERT ON billing.credit_note_lines DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing.check_credit_note_sums();

CREATE TRIGGER credit_notes_add AFTER INSERT ON billing.credit_notes FOR EACH ROW EXECUTE FUNCTION billing.add_credit_note();

CREATE TRIGGER credit_notes_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.credit_notes FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE CONSTRAINT TRIGGER credit_notes_sums AFTER INSERT ON billing.credit_notes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing.check_credit_note_sums();

CREATE TRIGGER dunning_events_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.dunning_events FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER dunnings_keep BEFORE DELETE OR UPDATE ON billing.dunnings FOR EACH ROW EXECUTE FUNCTION billing.keep_dunning();

CREATE TRIGGER dunnings_keep_all BEFORE TRUNCATE ON billing.dunnings FOR EACH STATEMENT EXECUTE FUNCTION billing.keep_dunning();

CREATE TRIGGER invoice_lines_keep BEFORE INSERT OR DELETE OR UPDATE ON billing.invoice_lines FOR EACH ROW EXECUTE FUNCTION billing.keep_line();

CREATE TRIGGER invoice_lines_keep_all BEFORE TRUNCATE ON billing.invoice_lines FOR EACH STATEMENT EXECUTE FUNCTION billing.keep_line();

CREATE CONSTRAINT TRIGGER invoice_lines_sums AFTER INSERT ON billing.invoice_lines DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing.check_line_sums();

CREATE TRIGGER invoice_payments_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.invoice_payments FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE CONSTRAINT TRIGGER invoices_draws AFTER INSERT OR UPDATE OF credits_minor ON billing.invoices DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.credits_minor <> 0)) EXECUTE FUNCTION billing.check_draws();

CREATE TRIGGER invoices_keep BEFORE DELETE OR UPDATE ON billing.invoices FOR EACH ROW EXECUTE FUNCTION billing.keep_invoice();

CREATE TRIGGER invoices_keep_all BEFORE TRUNCATE ON billing.invoices FOR EACH STATEMENT EXECUTE FUNCTION billing.keep_invoice();

CREATE CONSTRAINT TRIGGER invoices_sums AFTER INSERT OR UPDATE ON billing.invoices DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing.check_invoice_sums();

CREATE TRIGGER mrr_changes_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.mrr_changes FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER pending_changes_credit BEFORE INSERT OR UPDATE ON billing.pending_changes FOR EACH ROW EXECUTE FUNCTION billing.forbid_too_much_credit();

CREATE TRIGGER period_fees_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.period_fees FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER plan_moves_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.plan_moves FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER rated_usage_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.rated_usage FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER recognitions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.recognitions FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER redemptions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.redemptions FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER revenue_counts_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.revenue_counts FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER revenue_counts_chain BEFORE INSERT ON billing.revenue_counts FOR EACH ROW EXECUTE FUNCTION billing.chain_counts();

CREATE TRIGGER revenue_sums_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.revenue_sums FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER top_ups_keep BEFORE DELETE OR UPDATE ON billing.top_ups FOR EACH ROW EXECUTE FUNCTION billing.keep_top_up();

CREATE TRIGGER top_ups_keep_all BEFORE TRUNCATE ON billing.top_ups FOR EACH STATEMENT EXECUTE FUNCTION billing.keep_top_up();

CREATE TRIGGER unapplied_payments_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.unapplied_payments FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER unapplied_refunds_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.unapplied_refunds FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER wallet_grants_keep BEFORE INSERT OR DELETE OR UPDATE ON billing.wallet_grants FOR EACH ROW EXECUTE FUNCTION billing.keep_grant();

CREATE TRIGGER wallet_grants_keep_all BEFORE TRUNCATE ON billing.wallet_grants FOR EACH STATEMENT EXECUTE FUNCTION billing.keep_grant();

CREATE TRIGGER wallet_movements_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON billing.wallet_movements FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE CONSTRAINT TRIGGER wallet_movements_draws AFTER INSERT ON billing.wallet_movements DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.kind = 'draw'::text)) EXECUTE FUNCTION billing.check_draws();

CREATE TRIGGER wallet_movements_move AFTER INSERT ON billing.wallet_movements FOR EACH ROW EXECUTE FUNCTION billing.move_credits();

CREATE TRIGGER coupon_versions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.coupon_versions FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER plan_versions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.plan_versions FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER prices_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.prices FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER prices_with_their_version BEFORE INSERT ON catalog.prices FOR EACH ROW EXECUTE FUNCTION catalog.forbid_later_price();

CREATE TRIGGER facts_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON kit.facts FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER accounts_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.accounts FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER entries_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.entries FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE CONSTRAINT TRIGGER entries_balance AFTER INSERT ON ledger.entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_balance();

CREATE TRIGGER entries_with_their_transaction BEFORE INSERT ON ledger.entries FOR EACH ROW EXECUTE FUNCTION ledger.forbid_later_entry();

CREATE TRIGGER transactions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.transactions FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE CONSTRAINT TRIGGER transactions_balance AFTER INSERT ON ledger.transactions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_balance();

CREATE TRIGGER adjustments_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON metering.adjustments FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER backfills_kept BEFORE DELETE OR TRUNCATE ON metering.backfills FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER batches_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON metering.batches FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER conflict_decisions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON metering.conflict_decisions FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER control_findings_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON metering.control_findings FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER control_totals_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON metering.control_totals FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER corrections_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON metering.corrections FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER events_append_only BEFORE DELETE OR UPDATE OF tenant, source, event_id, type, subject, occurred_at, timed, batch_id, data, extensions OR TRUNCATE ON metering.events FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER events_claimed_once BEFORE UPDATE OF customer_id ON metering.events FOR EACH ROW WHEN ((old.customer_id IS NOT NULL)) EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER reconciliations_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON metering.reconciliations FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER repairs_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON metering.repairs FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER rollup_repairs_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON metering.rollup_repairs FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER allowed_steps_fixed BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.allowed_steps FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER history_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.history FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER payments_keep_terms BEFORE UPDATE OF customer_id, kind, gateway, mode, reference, attempt, amount_minor, currency, created_at ON payments.payments FOR EACH ROW EXECUTE FUNCTION payments.keep_terms();

CREATE TRIGGER payments_kept BEFORE DELETE OR TRUNCATE ON payments.payments FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER payments_only_forward BEFORE UPDATE OF status ON payments.payments FOR EACH ROW EXECUTE FUNCTION payments.only_forward();

CREATE TRIGGER refunds_add AFTER INSERT ON payments.refunds FOR EACH ROW EXECUTE FUNCTION payments.add_refund();

CREATE TRIGGER refunds_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.refunds FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER addon_changes_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON subscriptions.addon_changes FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER hold_draws_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON subscriptions.hold_draws FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER holds_keep BEFORE UPDATE ON subscriptions.holds FOR EACH ROW EXECUTE FUNCTION subscriptions.keep_hold();

CREATE TRIGGER holds_stay BEFORE DELETE OR TRUNCATE ON subscriptions.holds FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER periods_keep BEFORE UPDATE ON subscriptions.periods FOR EACH ROW EXECUTE FUNCTION subscriptions.keep_period();

CREATE CONSTRAINT TRIGGER periods_no_gap_after AFTER UPDATE OF end_at ON subscriptions.periods DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((old.end_at <> new.end_at)) EXECUTE FUNCTION subscriptions.forbid_gap();

CREATE CONSTRAINT TRIGGER periods_no_gap_before AFTER INSERT ON subscriptions.periods DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.follows_at IS NULL)) EXECUTE FUNCTION subscriptions.forbid_gap();

CREATE TRIGGER periods_stay BEFORE DELETE OR TRUNCATE ON subscriptions.periods FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER subscriptions_begin BEFORE INSERT ON subscriptions.subscriptions FOR EACH ROW EXECUTE FUNCTION subscriptions.begin_subscription();

CREATE TRIGGER subscriptions_keep BEFORE UPDATE ON subscriptions.subscriptions FOR EACH ROW EXECUTE FUNCTION subscriptions.keep_subscription();

CREATE TRIGGER subscriptions_stay BEFORE DELETE OR TRUNCATE ON subscriptions.subscriptions FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TRIGGER trials_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON subscriptions.trials FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

ALTER TABLE ONLY accounts.api_keys
    ADD CONSTRAINT api_keys_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY accounts.members
    ADD CONSTRAINT members_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY accounts.members
    ADD CONSTRAINT members_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts.users(id);

ALTER TABLE ONLY accounts.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts.users(id);

ALTER TABLE ONLY billing.automatic_top_ups
    ADD CONSTRAINT automatic_top_ups_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.closings
    ADD CONSTRAINT closings_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.closings
    ADD CONSTRAINT closings_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES billing.invoices(id);

ALTER TABLE ONLY billing.closings
    ADD CONSTRAINT closings_period_id_fkey FOREIGN KEY (period_id) REFERENCES subscriptions.periods(id);

ALTER TABLE ONLY billing.closings
    ADD CONSTRAINT closings_plan_version_id_fkey FOREIGN KEY (plan_version_id) REFERENCES catalog.plan_versions(id);

ALTER TABLE ONLY billing.closings
    ADD CONSTRAINT closings_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions.subscriptions(id);

ALTER TABLE ONLY billing.coupon_uses
    ADD CONSTRAINT coupon_uses_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES billing.invoices(id);

ALTER TABLE ONLY billing.coupon_uses
    ADD CONSTRAINT coupon_uses_period_id_fkey FOREIGN KEY (period_id) REFERENCES subscriptions.periods(id);

ALTER TABLE ONLY billing.coupon_uses
    ADD CONSTRAINT coupon_uses_redemption_id_uses_max_fkey FOREIGN KEY (redemption_id, uses_max) REFERENCES billing.redemptions(id, uses_max);

ALTER TABLE ONLY billing.credit_note_lines
    ADD CONSTRAINT credit_note_lines_credit_note_id_fkey FOREIGN KEY (credit_note_id) REFERENCES billing.credit_notes(id);

ALTER TABLE ONLY billing.credit_note_lines
    ADD CONSTRAINT credit_note_lines_invoice_line_id_fkey FOREIGN KEY (invoice_line_id) REFERENCES billing.invoice_lines(id);

ALTER TABLE ONLY billing.credit_notes
    ADD CONSTRAINT credit_notes_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.credit_notes
    ADD CONSTRAINT credit_notes_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES billing.invoices(id);

ALTER TABLE ONLY billing.dunning_events
    ADD CONSTRAINT dunning_events_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES billing.dunnings(invoice_id);

ALTER TABLE ONLY billing.dunnings
    ADD CONSTRAINT dunnings_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.dunnings
    ADD CONSTRAINT dunnings_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES billing.invoices(id);

ALTER TABLE ONLY billing.failed_closings
    ADD CONSTRAINT failed_closings_period_id_fkey FOREIGN KEY (period_id) REFERENCES subscriptions.periods(id);

ALTER TABLE ONLY billing.invoice_lines
    ADD CONSTRAINT invoice_lines_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES billing.invoices(id);

ALTER TABLE ONLY billing.invoice_lines
    ADD CONSTRAINT invoice_lines_price_id_fkey FOREIGN KEY (price_id) REFERENCES catalog.prices(id);

ALTER TABLE ONLY billing.invoice_lines
    ADD CONSTRAINT invoice_lines_rated_usage_id_fkey FOREIGN KEY (rated_usage_id) REFERENCES billing.rated_usage(id);

ALTER TABLE ONLY billing.invoice_lines
    ADD CONSTRAINT invoice_lines_redemption_id_fkey FOREIGN KEY (redemption_id) REFERENCES billing.redemptions(id);

ALTER TABLE ONLY billing.invoice_payments
    ADD CONSTRAINT invoice_payments_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES billing.invoices(id);

ALTER TABLE ONLY billing.invoice_payments
    ADD CONSTRAINT invoice_payments_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments.payments(id);

ALTER TABLE ONLY billing.invoices
    ADD CONSTRAINT invoices_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.invoices
    ADD CONSTRAINT invoices_period_id_fkey FOREIGN KEY (period_id) REFERENCES subscriptions.periods(id);

ALTER TABLE ONLY billing.invoices
    ADD CONSTRAINT invoices_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions.subscriptions(id);

ALTER TABLE ONLY billing.mrr_changes
    ADD CONSTRAINT mrr_changes_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.mrr_changes
    ADD CONSTRAINT mrr_changes_until_fkey FOREIGN KEY (until) REFERENCES billing.revenue_counts(until);

ALTER TABLE ONLY billing.pending_changes
    ADD CONSTRAINT pending_changes_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.pending_changes
    ADD CONSTRAINT pending_changes_from_plan_version_id_fkey FOREIGN KEY (from_plan_version_id) REFERENCES catalog.plan_versions(id);

ALTER TABLE ONLY billing.pending_changes
    ADD CONSTRAINT pending_changes_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES billing.invoices(id);

ALTER TABLE ONLY billing.pending_changes
    ADD CONSTRAINT pending_changes_period_id_fkey FOREIGN KEY (period_id) REFERENCES subscriptions.periods(id);

ALTER TABLE ONLY billing.pending_changes
    ADD CONSTRAINT pending_changes_plan_version_id_fkey FOREIGN KEY (plan_version_id) REFERENCES catalog.plan_versions(id);

ALTER TABLE ONLY billing.pending_changes
    ADD CONSTRAINT pending_changes_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions.subscriptions(id);

ALTER TABLE ONLY billing.period_fees
    ADD CONSTRAINT period_fees_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES billing.invoices(id);

ALTER TABLE ONLY billing.period_fees
    ADD CONSTRAINT period_fees_line_id_fkey FOREIGN KEY (line_id) REFERENCES billing.invoice_lines(id);

ALTER TABLE ONLY billing.period_fees
    ADD CONSTRAINT period_fees_period_id_fkey FOREIGN KEY (period_id) REFERENCES subscriptions.periods(id);

ALTER TABLE ONLY billing.plan_moves
    ADD CONSTRAINT plan_moves_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.plan_moves
    ADD CONSTRAINT plan_moves_from_plan_version_id_fkey FOREIGN KEY (from_plan_version_id) REFERENCES catalog.plan_versions(id);

ALTER TABLE ONLY billing.plan_moves
    ADD CONSTRAINT plan_moves_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions.subscriptions(id);

ALTER TABLE ONLY billing.plan_moves
    ADD CONSTRAINT plan_moves_to_plan_version_id_fkey FOREIGN KEY (to_plan_version_id) REFERENCES catalog.plan_versions(id);

ALTER TABLE ONLY billing.rated_usage
    ADD CONSTRAINT rated_usage_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.rated_usage
    ADD CONSTRAINT rated_usage_period_id_fkey FOREIGN KEY (period_id) REFERENCES subscriptions.periods(id);

ALTER TABLE ONLY billing.rated_usage
    ADD CONSTRAINT rated_usage_plan_version_id_fkey FOREIGN KEY (plan_version_id) REFERENCES catalog.plan_versions(id);

ALTER TABLE ONLY billing.rated_usage
    ADD CONSTRAINT rated_usage_price_id_fkey FOREIGN KEY (price_id) REFERENCES catalog.prices(id);

ALTER TABLE ONLY billing.redemptions
    ADD CONSTRAINT redemptions_code_fkey FOREIGN KEY (code) REFERENCES billing.coupon_codes(code);

ALTER TABLE ONLY billing.redemptions
    ADD CONSTRAINT redemptions_coupon_version_id_fkey FOREIGN KEY (coupon_version_id) REFERENCES catalog.coupon_versions(id);

ALTER TABLE ONLY billing.redemptions
    ADD CONSTRAINT redemptions_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.revenue_sums
    ADD CONSTRAINT revenue_sums_until_fkey FOREIGN KEY (until) REFERENCES billing.revenue_counts(until);

ALTER TABLE ONLY billing.top_ups
    ADD CONSTRAINT top_ups_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.unapplied_payments
    ADD CONSTRAINT unapplied_payments_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.unapplied_payments
    ADD CONSTRAINT unapplied_payments_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments.payments(id);

ALTER TABLE ONLY billing.unapplied_refunds
    ADD CONSTRAINT unapplied_refunds_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES billing.unapplied_payments(payment_id);

ALTER TABLE ONLY billing.wallet_grants
    ADD CONSTRAINT wallet_grants_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.wallet_movements
    ADD CONSTRAINT wallet_movements_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY billing.wallet_movements
    ADD CONSTRAINT wallet_movements_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES billing.wallet_grants(id);

ALTER TABLE ONLY billing.wallet_movements
    ADD CONSTRAINT wallet_movements_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES billing.invoices(id);

ALTER TABLE ONLY catalog.prices
    ADD CONSTRAINT prices_plan_version_id_fkey FOREIGN KEY (plan_version_id) REFERENCES catalog.plan_versions(id);

ALTER TABLE ONLY ledger.entries
    ADD CONSTRAINT entries_account_fkey FOREIGN KEY (account) REFERENCES ledger.accounts(name);

ALTER TABLE ONLY ledger.entries
    ADD CONSTRAINT entries_transaction_id_fkey FOREIGN KEY (transaction_id) REFERENCES ledger.transactions(id);

ALTER TABLE ONLY metering.batches
    ADD CONSTRAINT batches_backfill_id_fkey FOREIGN KEY (backfill_id) REFERENCES metering.backfills(id);

ALTER TABLE ONLY metering.conflict_decisions
    ADD CONSTRAINT conflict_decisions_tenant_source_event_id_digest_fkey FOREIGN KEY (tenant, source, event_id, digest) REFERENCES metering.conflicts(tenant, source, event_id, digest);

ALTER TABLE ONLY metering.corrections
    ADD CONSTRAINT corrections_backfill_id_fkey FOREIGN KEY (backfill_id) REFERENCES metering.backfills(id);

ALTER TABLE ONLY metering.corrections
    ADD CONSTRAINT corrections_tenant_source_event_id_fkey FOREIGN KEY (tenant, source, event_id) REFERENCES metering.events(tenant, source, event_id);

ALTER TABLE ONLY metering.repairs
    ADD CONSTRAINT repairs_tenant_digest_fkey FOREIGN KEY (tenant, digest) REFERENCES metering.rejected_events(tenant, digest);

ALTER TABLE ONLY metering.rollups
    ADD CONSTRAINT rollups_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY metering.spans
    ADD CONSTRAINT spans_tenant_trace_id_fkey FOREIGN KEY (tenant, trace_id) REFERENCES metering.traces(tenant, trace_id) ON DELETE CASCADE;

ALTER TABLE ONLY payments.checkouts
    ADD CONSTRAINT checkouts_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments.payments(id);

ALTER TABLE ONLY payments.deliveries
    ADD CONSTRAINT deliveries_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments.payments(id);

ALTER TABLE ONLY payments.history
    ADD CONSTRAINT history_from_status_to_status_fkey FOREIGN KEY (from_status, to_status) REFERENCES payments.allowed_steps(from_status, to_status);

ALTER TABLE ONLY payments.history
    ADD CONSTRAINT history_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments.payments(id);

ALTER TABLE ONLY payments.payment_methods
    ADD CONSTRAINT payment_methods_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY payments.payments
    ADD CONSTRAINT payments_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY payments.payments
    ADD CONSTRAINT payments_method_id_fkey FOREIGN KEY (method_id) REFERENCES payments.payment_methods(id);

ALTER TABLE ONLY payments.refunds
    ADD CONSTRAINT refunds_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments.payments(id);

ALTER TABLE ONLY sandbox.charges
    ADD CONSTRAINT charges_checkout_id_fkey FOREIGN KEY (checkout_id) REFERENCES sandbox.checkouts(id);

ALTER TABLE ONLY sandbox.charges
    ADD CONSTRAINT charges_token_fkey FOREIGN KEY (token) REFERENCES sandbox.methods(token);

ALTER TABLE ONLY sandbox.refunds
    ADD CONSTRAINT refunds_charge_id_fkey FOREIGN KEY (charge_id) REFERENCES sandbox.charges(id);

ALTER TABLE ONLY subscriptions.addon_changes
    ADD CONSTRAINT addon_changes_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions.subscriptions(id);

ALTER TABLE ONLY subscriptions.hold_draws
    ADD CONSTRAINT hold_draws_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES subscriptions.holds(id);

ALTER TABLE ONLY subscriptions.holds
    ADD CONSTRAINT holds_customer_id_meter_fkey FOREIGN KEY (customer_id, meter) REFERENCES subscriptions.quotas(customer_id, meter);

ALTER TABLE ONLY subscriptions.periods
    ADD CONSTRAINT periods_plan_version_id_fkey FOREIGN KEY (plan_version_id) REFERENCES catalog.plan_versions(id);

ALTER TABLE ONLY subscriptions.periods
    ADD CONSTRAINT periods_subscription_id_customer_id_fkey FOREIGN KEY (subscription_id, customer_id) REFERENCES subscriptions.subscriptions(id, customer_id);

ALTER TABLE ONLY subscriptions.periods
    ADD CONSTRAINT periods_subscription_id_follows_at_fkey FOREIGN KEY (subscription_id, follows_at) REFERENCES subscriptions.periods(subscription_id, end_at);

ALTER TABLE ONLY subscriptions.quotas
    ADD CONSTRAINT quotas_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY subscriptions.subscriptions
    ADD CONSTRAINT subscriptions_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY subscriptions.subscriptions
    ADD CONSTRAINT subscriptions_next_plan_version_id_fkey FOREIGN KEY (next_plan_version_id) REFERENCES catalog.plan_versions(id);

ALTER TABLE ONLY subscriptions.subscriptions
    ADD CONSTRAINT subscriptions_plan_version_id_fkey FOREIGN KEY (plan_version_id) REFERENCES catalog.plan_versions(id);

ALTER TABLE ONLY subscriptions.trials
    ADD CONSTRAINT trials_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES accounts.customers(id);

ALTER TABLE ONLY subscriptions.trials
    ADD CONSTRAINT trials_period_id_fkey FOREIGN KEY (period_id) REFERENCES subscriptions.periods(id);

ALTER TABLE ONLY subscriptions.trials
    ADD CONSTRAINT trials_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions.subscriptions(id);
