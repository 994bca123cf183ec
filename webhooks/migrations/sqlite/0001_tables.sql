-- Endpoints, messages, one delivery for each message an endpoint wants, one attempt for each try.

CREATE TABLE webhook_endpoints (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    secrets TEXT NOT NULL,  -- [[value, until or null], ...], the newest first
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    types TEXT NOT NULL,  -- patterns as a JSON list
    channels TEXT NOT NULL,  -- a JSON list
    max_rps REAL NOT NULL,
    active INTEGER NOT NULL,
    disabled_because TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at REAL NOT NULL,
    modified_at REAL NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    open_until REAL NOT NULL DEFAULT 0,
    failing_since REAL,
    held_until REAL NOT NULL DEFAULT 0,
    lease_owner TEXT NOT NULL DEFAULT '',
    lease_until REAL NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE webhook_messages (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    body BLOB NOT NULL,
    channel TEXT NOT NULL,
    key TEXT NOT NULL,
    added_at REAL NOT NULL
) STRICT;
CREATE INDEX webhook_messages_by_age ON webhook_messages (added_at);

CREATE TABLE webhook_deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: one may be in flight
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
    message INTEGER NOT NULL REFERENCES webhook_messages ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    replays INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL,
    error TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at, id)
WHERE state = 'pending';
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (endpoint_id, id)
WHERE state = 'dead';
CREATE INDEX webhook_deliveries_history ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_by_message ON webhook_deliveries (message);

CREATE TABLE webhook_attempts (
    id INTEGER PRIMARY KEY,
    delivery_id INTEGER NOT NULL REFERENCES webhook_deliveries ON DELETE CASCADE,
    endpoint_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    replay INTEGER NOT NULL,
    at REAL NOT NULL,
    duration_ms INTEGER NOT NULL,
    status INTEGER,
    error TEXT NOT NULL,
    response TEXT NOT NULL
) STRICT;
CREATE INDEX webhook_attempts_history ON webhook_attempts (endpoint_id, id);
CREATE INDEX webhook_attempts_by_delivery ON webhook_attempts (delivery_id);
