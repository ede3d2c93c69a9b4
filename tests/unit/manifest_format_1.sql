-- A manifest as format 1 wrote it. Frozen: later formats must open it. Never edit.

CREATE TABLE accounts (
    id      INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE
);

CREATE TABLE files (
    path     BLOB PRIMARY KEY,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode    INTEGER NOT NULL,
    sha1     BLOB NOT NULL,
    sample   BLOB NOT NULL
) WITHOUT ROWID;

CREATE INDEX files_alike ON files (mtime_ns, size);

CREATE TABLE contents (
    account       INTEGER NOT NULL,
    sha1          BLOB NOT NULL,
    asset_id      NOT NULL,
    uploaded      INTEGER NOT NULL,
    sidecar_stamp TEXT,
    PRIMARY KEY (account, sha1)
) WITHOUT ROWID;

CREATE TABLE targets (
    id   INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name BLOB NOT NULL,
    UNIQUE (kind, name)
);

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

INSERT INTO accounts VALUES (1, 'anna');
INSERT INTO files VALUES (CAST('/p/a' AS BLOB), 10, 1700, 5, x'0000000000000000000000000000000000000001', x'73');
INSERT INTO contents VALUES (1, x'0000000000000000000000000000000000000001', x'11111111222233334444555555555555', 1, NULL);
INSERT INTO targets VALUES (1, 'album', CAST('Trip' AS BLOB));
INSERT INTO debts VALUES (1, 1, x'0000000000000000000000000000000000000001', 1, x'11111111222233334444555555555555', 2, 'no answer');
INSERT INTO runs VALUES (1, '20261124-101502-3f9a', 'upload', '["p"]', CAST('/' AS BLOB), 1795515302.0,
    1795515309.5, 3, '{"type": "summary"}');
INSERT INTO items VALUES (1, 1, CAST('p/b' AS BLOB), 'failed', 7, NULL, NULL, NULL, '413', NULL, NULL);
PRAGMA application_id = 1231901810;
PRAGMA user_version = 1;
