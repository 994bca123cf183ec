-- put: keep a value; where only a new one is wanted (?5), nothing happens if there is one
INSERT INTO records (kind, key, value, version, expires) VALUES (?1, ?2, ?3, 1, ?4)
ON CONFLICT (kind, key) DO UPDATE SET
    value = excluded.value,
    expires = excluded.expires,
    version = CASE WHEN records.expires <= ?6 THEN 1 ELSE records.version + 1 END
WHERE NOT ?5 OR records.expires <= ?6
RETURNING version;

-- change: keep a value in place of the one that was seen
UPDATE records SET value = ?3, expires = ?4, version = version + 1
WHERE kind = ?1 AND key = ?2 AND version = ?5 AND (expires IS NULL OR expires > ?6)
RETURNING version;

-- get: one record
SELECT value, version FROM records
WHERE kind = ?1 AND key = ?2 AND (expires IS NULL OR expires > ?3);

-- records: a page of a kind
SELECT key, value, version FROM records
WHERE kind = ?1 AND key > ?2 AND (expires IS NULL OR expires > ?3)
ORDER BY key LIMIT ?4;

-- forget: drop a record, if it is the one that was seen
DELETE FROM records WHERE kind = ?1 AND key = ?2 AND (?3 IS NULL OR version = ?3);

-- expire: drop what has expired
DELETE FROM records WHERE expires <= ?1;

-- append: add an entry, unless it is there
INSERT INTO entries (stream, id, value) VALUES (?1, ?2, ?3)
ON CONFLICT (stream, id) DO NOTHING;

-- read: a page of a stream
SELECT id, value FROM entries WHERE stream = ?1 AND id > ?2 ORDER BY id LIMIT ?3;

-- latest: a page of a stream, the newest first
SELECT id, value FROM entries WHERE stream = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3;

-- trim: forget some of the oldest entries of a stream
DELETE FROM entries WHERE stream = ?1 AND id IN (
    SELECT id FROM entries WHERE stream = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id LIMIT ?3
);

-- fence: count on
UPDATE fences SET last = last + 1 RETURNING last;

-- lease: take or prolong a lease, unless somebody else holds it
INSERT INTO leases (name, owner, fence, until) VALUES (?1, ?2, ?5, ?4)
ON CONFLICT (name) DO UPDATE SET
    fence = CASE WHEN leases.until > ?3 THEN leases.fence ELSE excluded.fence END,
    owner = excluded.owner,
    until = excluded.until
WHERE leases.owner = excluded.owner OR leases.until <= ?3
RETURNING fence;

-- release: give a lease back
DELETE FROM leases WHERE name = ?1 AND owner = ?2;

-- leases: those that have not run out
SELECT name, owner, fence, until FROM leases WHERE until > ?1 ORDER BY name;

-- schema: which scripts have run
CREATE TABLE IF NOT EXISTS store_schema (version INTEGER NOT NULL);

-- version: the newest script that has run
SELECT coalesce(max(version), 0) FROM store_schema;

-- migrated: a script has run
INSERT INTO store_schema VALUES (?1);

-- tell: leave word for other processes
INSERT INTO told (teller, topic, value, at) VALUES (?1, ?2, ?3, ?4);

-- untell: forget what everybody has heard
DELETE FROM told WHERE at < ?1;

-- last: the newest that was told
SELECT coalesce(max(id), 0) FROM told;

-- hear: what others have told since
SELECT id, topic, value FROM told WHERE id > ?1 AND teller <> ?2 ORDER BY id;

-- data_version: changes whenever somebody else has written
PRAGMA data_version;
