-- Orders of the relay beside those of transfers, and what the relay knows.

-- An order belongs to a transfer or to a task of the relay. SQLite cannot drop NOT NULL: the tables are made anew.
CREATE TABLE outbox_2 (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    transfer    TEXT,
    role        TEXT,
    task        TEXT,                           -- name of a task of the relay
    purpose     TEXT    NOT NULL,
    chain       INTEGER NOT NULL,
    account     TEXT    NOT NULL,
    effect      TEXT    NOT NULL,               -- JSON, no secret
    status      TEXT    NOT NULL CHECK (status IN ('waiting', 'sent', 'done', 'failed')),
    exposed     INTEGER NOT NULL CHECK (exposed IN (0, 1)), -- a transaction of it may have been seen by others
    detail      TEXT,                           -- why a task of the relay failed, for people
    FOREIGN KEY (transfer, role) REFERENCES transfers (id, role),
    CHECK ((transfer IS NULL) = (role IS NULL) AND (transfer IS NULL) <> (task IS NULL))
) STRICT;
INSERT INTO outbox_2 (id, transfer, role, purpose, chain, account, effect, status, exposed)
    SELECT id, transfer, role, purpose, chain, account, effect, status, exposed FROM outbox;

CREATE TABLE txs_2 (
    hash        TEXT    PRIMARY KEY,
    order_id    INTEGER NOT NULL REFERENCES outbox_2 (id),
    nonce       INTEGER NOT NULL,
    bump        INTEGER NOT NULL,
    raw         BLOB    NOT NULL,               -- sealed: a claim carries a secret
    sent_at     INTEGER,                        -- local milliseconds, set before the first broadcast
    void        INTEGER NOT NULL DEFAULT 0 CHECK (void IN (0, 1))
) STRICT;
INSERT INTO txs_2 SELECT hash, order_id, nonce, bump, raw, sent_at, void FROM txs;

DROP TABLE txs;
DROP TABLE outbox;
ALTER TABLE outbox_2 RENAME TO outbox;
ALTER TABLE txs_2 RENAME TO txs;
CREATE INDEX outbox_live ON outbox (chain, account, status);
CREATE INDEX txs_order ON txs (order_id, void);
-- One order at a time for each task.
CREATE UNIQUE INDEX outbox_task ON outbox (task) WHERE task IS NOT NULL AND status IN ('waiting', 'sent');

-- Lanes as their gateways opened them.
CREATE TABLE relay_lanes (
    chain       INTEGER NOT NULL,
    lane        INTEGER NOT NULL,
    remote      INTEGER NOT NULL,               -- the other chain
    remote_gateway TEXT NOT NULL,
    client      TEXT    NOT NULL,               -- light client of the other chain
    ordered     INTEGER NOT NULL CHECK (ordered IN (0, 1)),
    PRIMARY KEY (chain, lane)
) STRICT;

-- Every item a gateway appended to a lane: messages and acknowledgements, in the order of the lane's tree.
CREATE TABLE relay_items (
    source      INTEGER NOT NULL,               -- chain whose gateway appended it
    lane        INTEGER NOT NULL,
    idx         INTEGER NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('message', 'ack')),
    leaf        TEXT    NOT NULL,
    body        BLOB    NOT NULL,               -- as the gateway encodes it
    about       INTEGER,                        -- of an ack: number of the message that came the other way
    height      INTEGER NOT NULL,
    tx          TEXT    NOT NULL,
    done        INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)), -- nothing is left to be done with it at its destination
    state       TEXT,                           -- of a message: versioned JSON of its state machine
    stage       TEXT    NOT NULL,
    ended       INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1)),
    deadline    INTEGER,                        -- of a message, seconds of the destination chain
    hook        BLOB,                           -- the sender's failed hook, as it is run again
    revision    INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,               -- local milliseconds
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (source, lane, idx)
) STRICT;
CREATE INDEX relay_items_open ON relay_items (source, lane, done, idx);
CREATE INDEX relay_items_live ON relay_items (kind, ended, deadline);
CREATE INDEX relay_items_leaf ON relay_items (leaf);
CREATE INDEX relay_items_about ON relay_items (source, lane, about);
CREATE INDEX relay_items_tx ON relay_items (tx);

-- Append-only: what the chains said about an item, once each.
CREATE TABLE relay_history (
    chain       INTEGER NOT NULL,               -- where it was said
    height      INTEGER NOT NULL,
    log_index   INTEGER NOT NULL,
    source      INTEGER NOT NULL,
    lane        INTEGER NOT NULL,
    idx         INTEGER NOT NULL,
    said        TEXT    NOT NULL,
    tx          TEXT    NOT NULL,
    proved_at   INTEGER,                        -- height of the other chain whose certificate proved it
    result      BLOB,                           -- what was returned, or why it failed
    at          INTEGER NOT NULL,               -- time of the block
    PRIMARY KEY (chain, height, log_index)
) STRICT;
CREATE INDEX relay_history_item ON relay_history (source, lane, idx);

-- Roots a gateway took in, with the height of the other chain that proved them.
CREATE TABLE relay_roots (
    chain       INTEGER NOT NULL,
    lane        INTEGER NOT NULL,
    root        TEXT    NOT NULL,
    proved_at   INTEGER NOT NULL,
    PRIMARY KEY (chain, lane, root)
) STRICT;

-- The next height to read, by gateway's chain and path.
CREATE TABLE relay_cursors (
    chain       INTEGER NOT NULL,
    path        TEXT    NOT NULL CHECK (path IN ('live', 'rescan')),
    next_height INTEGER NOT NULL,
    PRIMARY KEY (chain, path)
) STRICT;

-- Proofs of the last block of each epoch: kept, because a chain forgets its old states.
CREATE TABLE relay_epochs (
    chain       INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    proof       TEXT    NOT NULL,               -- JSON
    PRIMARY KEY (chain, epoch)
) STRICT;
