-- Format 4: files that are about to get their final names. A row is written before the name appears
-- (for a body through a power cut, too) and struck off with the commit that places the file: what a
-- crash leaves in between is known to be ours.
CREATE TABLE arrivals (
    collection    INTEGER NOT NULL,
    asset_id      NOT NULL,
    mirror        INTEGER NOT NULL,
    path          BLOB NOT NULL,
    base          BLOB NOT NULL,
    sha1          BLOB NOT NULL,
    size          INTEGER NOT NULL,
    mtime_ns      INTEGER NOT NULL,
    inode         INTEGER NOT NULL,
    xxh3          BLOB NOT NULL,
    proven        INTEGER NOT NULL,
    sidecar_stamp TEXT,
    PRIMARY KEY (collection, asset_id)
) WITHOUT ROWID;
