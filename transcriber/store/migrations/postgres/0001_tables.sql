-- Records, the journal, and leases; values are JSON. Keys sort by their bytes, as in SQLite.

CREATE TABLE records (
    kind TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    version BIGINT NOT NULL,
    expires DOUBLE PRECISION,
    PRIMARY KEY (kind, key)
);
CREATE INDEX records_by_end ON records (expires) WHERE expires IS NOT NULL;

CREATE TABLE entries (
    stream TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (stream, id)
);

CREATE TABLE leases (
    name TEXT COLLATE "C" PRIMARY KEY,
    owner TEXT NOT NULL,
    fence BIGINT NOT NULL,
    until DOUBLE PRECISION NOT NULL
);

CREATE SEQUENCE fences;
