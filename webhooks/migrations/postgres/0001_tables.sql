-- Endpoints, messages, one delivery for each message an endpoint wants, one attempt for each try.

CREATE TABLE webhook_endpoints (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    secrets TEXT NOT NULL,  -- [[value, until or null], ...], the newest first
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    types TEXT NOT NULL,  -- patterns as a JSON list
    channels TEXT NOT NULL,  -- a JSON list
    max_rps DOUBLE PRECISION NOT NULL,
    active BOOLEAN NOT NULL,
    disabled_because TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    modified_at DOUBLE PRECISION NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    open_until DOUBLE PRECISION NOT NULL DEFAULT 0,
    failing_since DOUBLE PRECISION,
    held_until DOUBLE PRECISION NOT NULL DEFAULT 0,
    lease_owner TEXT NOT NULL DEFAULT '',
    lease_until DOUBLE PRECISION NOT NULL DEFAULT 0
);

CREATE TABLE webhook_messages (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    body BYTEA NOT NULL,
    channel TEXT NOT NULL,
    key TEXT NOT NULL,
    added_at DOUBLE PRECISION NOT NULL
);
CREATE INDEX webhook_messages_by_age ON webhook_messages (added_at);

CREATE TABLE webhook_deliveries (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
    message BIGINT NOT NULL REFERENCES webhook_messages ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    replays INTEGER NOT NULL DEFAULT 0,
    due_at DOUBLE PRECISION NOT NULL,
    error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at, id)
WHERE state = 'pending';
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (endpoint_id, id)
WHERE state = 'dead';
CREATE INDEX webhook_deliveries_history ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_by_message ON webhook_deliveries (message);

CREATE TABLE webhook_attempts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id BIGINT NOT NULL REFERENCES webhook_deliveries ON DELETE CASCADE,
    endpoint_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    replay INTEGER NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    duration_ms INTEGER NOT NULL,
    status INTEGER,
    error TEXT NOT NULL,
    response TEXT NOT NULL
);
CREATE INDEX webhook_attempts_history ON webhook_attempts (endpoint_id, id);
CREATE INDEX webhook_attempts_by_delivery ON webhook_attempts (delivery_id);
