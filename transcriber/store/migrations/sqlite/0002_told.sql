-- What was told in the last minute, for other processes that have the file open.

CREATE TABLE told (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    teller TEXT NOT NULL,
    topic TEXT NOT NULL,
    value TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
