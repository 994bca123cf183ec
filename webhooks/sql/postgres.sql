-- wanted: what every active endpoint wants
SELECT id, types, channels FROM webhook_endpoints WHERE active;

-- add: keep messages that were not added before, one delivery for each endpoint, and wake workers
WITH added AS (
    INSERT INTO webhook_messages (id, type, body, channel, key, added_at)
    SELECT m.id, m.type, m.body, m.channel, m.key, $6::double precision
    FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[])
        WITH ORDINALITY AS m (id, type, body, channel, key, place)
    ORDER BY m.place
    ON CONFLICT (id) DO NOTHING
    RETURNING seq, id
), wanted AS (
    INSERT INTO webhook_deliveries (endpoint_id, message, due_at)
    SELECT e.id, added.seq, $6::double precision
    FROM unnest($7::text[], $8::text[]) AS w (message_id, endpoint_id)
    JOIN added ON added.id = w.message_id
    JOIN webhook_endpoints AS e ON e.id = w.endpoint_id
    ORDER BY added.seq
    RETURNING id
)
SELECT count(*), pg_notify('webhooks', '') FROM wanted;

-- renew: prolong leases that are still ours
UPDATE webhook_endpoints SET lease_until = $3
WHERE lease_owner = $1 AND lease_until > $2 AND id = ANY($4::text[]);

-- take: lease endpoints that have something due and that nobody serves
UPDATE webhook_endpoints SET lease_owner = $1, lease_until = $3
WHERE id IN (
    SELECT e.id FROM webhook_endpoints AS e
    WHERE e.active AND e.lease_until <= $2 AND greatest(e.open_until, e.held_until) <= $2
        AND EXISTS (
            SELECT 1 FROM webhook_deliveries AS d
            WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.due_at <= $2
        )
    LIMIT $4
    FOR UPDATE OF e SKIP LOCKED
);

-- held: the endpoints leased to us, and whether they have something due
SELECT e.*, e.active AND greatest(e.open_until, e.held_until) <= $2 AND EXISTS (
    SELECT 1 FROM webhook_deliveries AS d
    WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.due_at <= $2
) AS due
FROM webhook_endpoints AS e
WHERE e.lease_owner = $1 AND e.lease_until > $2;

-- due: what is to be sent to an endpoint now, in order
SELECT d.*, m.id AS message_id, m.type, m.body, m.channel, m.key, m.added_at
FROM webhook_deliveries AS d JOIN webhook_messages AS m ON m.seq = d.message
WHERE d.endpoint_id = $1 AND d.state = 'pending' AND d.due_at <= $2
    AND d.id <> ALL($3::bigint[])
ORDER BY d.due_at, d.id LIMIT $4;

-- record: what attempts led to, the attempts, and what they have shown about endpoints.
WITH outcome AS (
    SELECT * FROM unnest(
        $1::bigint[], $2::text[], $3::integer[], $4::double precision[], $5::text[]
    ) AS o (id, state, attempts, due_at, error)
), moved AS (
    -- what has arrived or was buried stays so
    UPDATE webhook_deliveries AS d SET
        state = CASE
            WHEN d.state = 'pending' OR o.state = 'delivered' THEN o.state ELSE d.state
        END,
        attempts = o.attempts, due_at = o.due_at, error = o.error
    FROM outcome AS o
    WHERE d.id = o.id
), shown AS (
    UPDATE webhook_endpoints AS e SET
        failures = h.failures, open_until = h.open_until,
        failing_since = h.failing_since, held_until = h.held_until
    FROM unnest(
        $15::text[], $16::integer[], $17::double precision[], $18::double precision[],
        $19::double precision[]
    ) AS h (endpoint_id, failures, open_until, failing_since, held_until)
    WHERE e.id = h.endpoint_id
)
INSERT INTO webhook_attempts
    (delivery_id, endpoint_id, number, replay, at, duration_ms, status, error, response)
SELECT a.*
FROM unnest(
    $6::bigint[], $7::text[], $8::integer[], $9::integer[], $10::double precision[],
    $11::integer[], $12::integer[], $13::text[], $14::text[]
) AS a (delivery_id, endpoint_id, number, replay, at, duration_ms, status, error, response)
JOIN webhook_deliveries AS d ON d.id = a.delivery_id;

-- disable: send nothing more to an endpoint
UPDATE webhook_endpoints
SET active = FALSE, disabled_because = $2, modified_at = $3, version = version + 1
WHERE id = $1;

-- bury: give up what waits for an endpoint
UPDATE webhook_deliveries SET state = 'dead', error = $2
WHERE endpoint_id = $1 AND state = 'pending';

-- release: give back all leases of a worker
UPDATE webhook_endpoints SET lease_until = 0 WHERE lease_owner = $1;

-- create: a new endpoint
INSERT INTO webhook_endpoints (
    id, url, secrets, name, description, types, channels, max_rps, active, disabled_because,
    created_at, modified_at, version
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, 1)
ON CONFLICT (id) DO NOTHING
RETURNING *;

-- change: what people set, if nobody else did meanwhile; its failures are forgiven
UPDATE webhook_endpoints SET
    url = $2, secrets = $3, name = $4, description = $5, types = $6, channels = $7, max_rps = $8,
    active = $9, disabled_because = $10, modified_at = $11, version = version + 1,
    failures = 0, open_until = 0, failing_since = NULL, held_until = 0
WHERE id = $1 AND version = $12
RETURNING *;

-- endpoint: one of them
SELECT * FROM webhook_endpoints WHERE id = $1;

-- endpoints: a page of them
SELECT * FROM webhook_endpoints WHERE id > $1 ORDER BY id LIMIT $2;

-- delete: forget an endpoint and everything about it
DELETE FROM webhook_endpoints WHERE id = $1;

-- deliveries: a page of them, the newest first
SELECT d.*, m.id AS message_id, m.type, m.body, m.channel, m.key, m.added_at
FROM webhook_deliveries AS d JOIN webhook_messages AS m ON m.seq = d.message
WHERE d.endpoint_id = $1 AND d.id < $2
ORDER BY d.id DESC LIMIT $3;

-- deliveries_in: a page of those in one state, the newest first
SELECT d.*, m.id AS message_id, m.type, m.body, m.channel, m.key, m.added_at
FROM webhook_deliveries AS d JOIN webhook_messages AS m ON m.seq = d.message
WHERE d.endpoint_id = $1 AND d.id < $2 AND d.state = $4
ORDER BY d.id DESC LIMIT $3;

-- attempts: a page of them, the newest first
SELECT a.*, m.id AS message_id, m.type
FROM webhook_attempts AS a
JOIN webhook_deliveries AS d ON d.id = a.delivery_id
JOIN webhook_messages AS m ON m.seq = d.message
WHERE a.endpoint_id = $1 AND a.id < $2
ORDER BY a.id DESC LIMIT $3;

-- replay_one: send one delivery again
UPDATE webhook_deliveries
SET state = 'pending', attempts = 0, replays = replays + 1, due_at = $2, error = ''
WHERE endpoint_id = $1 AND id = $3 AND state <> 'pending';

-- replay: send dead deliveries again, or all that are over
UPDATE webhook_deliveries
SET state = 'pending', attempts = 0, replays = replays + 1, due_at = $2, error = ''
WHERE endpoint_id = $1 AND (state = 'dead' OR ($4::boolean AND state = 'delivered'))
    AND message IN (SELECT seq FROM webhook_messages WHERE added_at >= $3);

-- purge: forget old messages that nobody waits for
DELETE FROM webhook_messages WHERE seq IN (
    SELECT m.seq FROM webhook_messages AS m
    WHERE m.added_at < $1 AND NOT EXISTS (
        SELECT 1 FROM webhook_deliveries AS d WHERE d.message = m.seq AND d.state = 'pending'
    )
    LIMIT $2
);

-- lock: the instance that changes the tables; the others wait
SELECT pg_advisory_xact_lock(7238456);

-- schema: which scripts have run
CREATE TABLE IF NOT EXISTS webhook_schema (version INTEGER NOT NULL);

-- version: the newest script that has run
SELECT coalesce(max(version), 0) FROM webhook_schema;

-- migrated: a script has run
INSERT INTO webhook_schema VALUES ($1);

-- notify: wake workers everywhere
SELECT pg_notify('webhooks', '');
