-- Format 2: what was downloaded, and where it was put. Paths lie below the mirror's root and are
-- '/'-separated; a key is the path as the most forgiving file system sees it (NFC, casefold).

-- A folder that is kept for an account.
CREATE TABLE mirrors (
    id      INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    root    BLOB NOT NULL,
    UNIQUE (account, root)
);

-- An album, the library or a search, as it stands below that folder.
CREATE TABLE collections (
    id     INTEGER PRIMARY KEY,
    mirror INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    title  BLOB NOT NULL,
    folder BLOB NOT NULL,
    UNIQUE (mirror, kind, name)
);

-- A file of ours. `base` is the name before collisions were resolved; `moving` is where it was on
-- its way to when we last knew.
CREATE TABLE placed (
    collection    INTEGER NOT NULL,
    asset_id      NOT NULL,
    mirror        INTEGER NOT NULL,
    path          BLOB NOT NULL,
    path_key      BLOB NOT NULL,
    base          BLOB NOT NULL,
    sha1          BLOB NOT NULL,
    size          INTEGER NOT NULL,
    mtime_ns      INTEGER NOT NULL,
    inode         INTEGER NOT NULL,
    xxh3          BLOB NOT NULL,
    proven        INTEGER NOT NULL,
    sidecar_stamp TEXT,
    moving        BLOB,
    PRIMARY KEY (collection, asset_id)
) WITHOUT ROWID;
CREATE INDEX placed_names ON placed (mirror, path_key);
CREATE INDEX placed_copies ON placed (mirror, asset_id);
CREATE INDEX placed_moving ON placed (mirror) WHERE moving IS NOT NULL;

-- Bodies that are coming down: the file they are gathered in, and what If-Range needs.
CREATE TABLE parts (
    mirror    INTEGER NOT NULL,
    asset_id  NOT NULL,
    path      BLOB NOT NULL,
    validator TEXT,
    PRIMARY KEY (mirror, asset_id)
) WITHOUT ROWID;
