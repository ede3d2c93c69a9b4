-- Format 1. Paths and names are BLOBs: a name on disk need not be UTF-8. Asset ids are 16 bytes
-- when they are UUIDs, text otherwise. WITHOUT ROWID where every question asks by the key: one
-- tree to descend, and the key is stored once.

CREATE TABLE accounts (
    id      INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE
);

-- What is in a file, as of the fingerprint it was hashed under.
CREATE TABLE files (
    path     BLOB PRIMARY KEY,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode    INTEGER NOT NULL,
    sha1     BLOB NOT NULL,
    sample   BLOB NOT NULL
) WITHOUT ROWID;

-- Moved and copied files keep their size and time. Time first: files of one folder were mostly made
-- in a row, so that a walk adds to few pages of this index.
CREATE INDEX files_alike ON files (mtime_ns, size);

-- What the server said it holds.
CREATE TABLE contents (
    account       INTEGER NOT NULL,
    sha1          BLOB NOT NULL,
    asset_id      NOT NULL,
    uploaded      INTEGER NOT NULL,
    sidecar_stamp TEXT,
    PRIMARY KEY (account, sha1)
) WITHOUT ROWID;

-- Albums and tags by name; the names are long and the debts are many.
CREATE TABLE targets (
    id   INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name BLOB NOT NULL,
    UNIQUE (kind, name)
);

-- state: 0 owed, 1 paid, 2 owed but not offered again before the next opening.
-- Rows lie in the order they were promised, which is the order they are paid in: settling and
-- paying then touch few pages, where a table ordered by checksum would touch nearly all.
CREATE TABLE debts (
    number   INTEGER PRIMARY KEY,
    account  INTEGER NOT NULL,
    sha1     BLOB NOT NULL,
    target   INTEGER NOT NULL,
    asset_id,
    state    INTEGER NOT NULL DEFAULT 0,
    reason   TEXT,
    UNIQUE (account, sha1, target)
);

-- Partial: the paid ones, which are nearly all, cost nothing here.
CREATE INDEX debts_payable ON debts (account, target) WHERE state = 0 AND asset_id IS NOT NULL;
CREATE INDEX debts_owed ON debts (account) WHERE state <> 1;

CREATE TABLE runs (
    number    INTEGER PRIMARY KEY,
    id        TEXT NOT NULL UNIQUE,
    command   TEXT NOT NULL,
    arguments TEXT NOT NULL,
    cwd       BLOB NOT NULL,
    started   REAL NOT NULL,
    ended     REAL,
    exit_code INTEGER,
    summary   TEXT
);

-- Only what failed or was left: `status` says why.
CREATE TABLE items (
    number   INTEGER PRIMARY KEY,
    run      INTEGER NOT NULL,
    path     BLOB NOT NULL,
    outcome  TEXT NOT NULL,
    size     INTEGER NOT NULL,
    sha1     BLOB,
    asset_id,
    reason   TEXT,
    error    TEXT,
    hint     TEXT,
    note     TEXT
);
CREATE INDEX items_run ON items (run);
