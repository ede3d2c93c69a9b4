-- Format 3: queues of a server that we paused for a run and have to resume. Queues belong to the
-- server, not to an account: whoever comes next with the right to may resume them.
CREATE TABLE pauses (
    server  TEXT NOT NULL,
    queue   TEXT NOT NULL,
    account INTEGER NOT NULL,
    PRIMARY KEY (server, queue)
) WITHOUT ROWID;
