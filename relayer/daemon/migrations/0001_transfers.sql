-- What the daemon knows of transfers. Rules: state, history, orders and chain facts of one transition are written in one
-- transaction (V7); names stored in text columns are never changed, only added.

-- One row: proves that the database is opened with the key it was made with.
CREATE TABLE identity (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    key_check   BLOB    NOT NULL
) STRICT;

CREATE TABLE transfers (
    id          TEXT    NOT NULL,               -- 32 hex digits, first half of the hash lock
    role        TEXT    NOT NULL CHECK (role IN ('initiator', 'counterparty', 'watchtower')),
    state       TEXT    NOT NULL,               -- versioned JSON
    stage       TEXT    NOT NULL,
    ended       INTEGER NOT NULL CHECK (ended IN (0, 1)),
    revision    INTEGER NOT NULL CHECK (revision >= 0),
    created_at  INTEGER NOT NULL,               -- local seconds, for people only
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (id, role)
) STRICT;
CREATE INDEX transfers_open ON transfers (ended, created_at);

-- Append-only: one row for each change of a transfer.
CREATE TABLE transitions (
    transfer    TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    seq         INTEGER NOT NULL,               -- the revision this change led to
    event       TEXT    NOT NULL,               -- JSON
    effects     TEXT    NOT NULL,               -- JSON
    stage       TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (transfer, role, seq),
    FOREIGN KEY (transfer, role) REFERENCES transfers (id, role)
) STRICT;

-- Orders: what was decided and is to be done with a transaction.
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    transfer    TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    purpose     TEXT    NOT NULL,
    chain       INTEGER NOT NULL,
    account     TEXT    NOT NULL,
    effect      TEXT    NOT NULL,               -- JSON, no secret
    status      TEXT    NOT NULL CHECK (status IN ('waiting', 'sent', 'done', 'failed')),
    exposed     INTEGER NOT NULL CHECK (exposed IN (0, 1)), -- a transaction of it may have been seen by others
    FOREIGN KEY (transfer, role) REFERENCES transfers (id, role)
) STRICT;
CREATE INDEX outbox_live ON outbox (chain, account, status);

-- Signed transactions of an order; several when a stuck one was replaced. Stored before they are sent.
CREATE TABLE txs (
    hash        TEXT    PRIMARY KEY,
    order_id    INTEGER NOT NULL REFERENCES outbox (id),
    nonce       INTEGER NOT NULL,
    bump        INTEGER NOT NULL,
    raw         BLOB    NOT NULL,               -- sealed: a claim carries a secret
    sent_at     INTEGER,                        -- local milliseconds, set before the first broadcast
    void        INTEGER NOT NULL DEFAULT 0 CHECK (void IN (0, 1))
) STRICT;
CREATE INDEX txs_order ON txs (order_id, void);

-- Preimages of our own, sealed under the caller's key.
CREATE TABLE secrets (
    transfer    TEXT    PRIMARY KEY,
    sealed      BLOB    NOT NULL
) STRICT;

-- The next height to read, by chain and by path ('live' or 'rescan').
CREATE TABLE cursors (
    chain       INTEGER NOT NULL,
    path        TEXT    NOT NULL CHECK (path IN ('live', 'rescan')),
    next_height INTEGER NOT NULL,
    PRIMARY KEY (chain, path)
) STRICT;

-- Idempotence: an event is taken in once.
CREATE TABLE seen_events (
    chain       INTEGER NOT NULL,
    height      INTEGER NOT NULL,
    log_index   INTEGER NOT NULL,
    block       TEXT    NOT NULL,
    PRIMARY KEY (chain, height, log_index)
) STRICT, WITHOUT ROWID;

-- Chains that took back what was final. Nothing is sent any more while a row is here.
CREATE TABLE halts (
    chain       INTEGER PRIMARY KEY,
    detail      TEXT    NOT NULL
) STRICT;

-- Facts: every lock ever seen.
CREATE TABLE locks (
    chain       INTEGER NOT NULL,
    lock_id     TEXT    NOT NULL,
    hashlock    TEXT    NOT NULL,
    sender      TEXT    NOT NULL,
    recipient   TEXT    NOT NULL,
    lock        TEXT    NOT NULL,               -- JSON
    wanted      TEXT,                           -- JSON
    fate        TEXT    NOT NULL CHECK (fate IN ('open', 'claimed', 'refunded')),
    preimage    TEXT,
    height      INTEGER NOT NULL,
    decided     INTEGER NOT NULL DEFAULT 0 CHECK (decided IN (0, 1)),
    refusal     TEXT,                           -- why it was not answered, for people
    PRIMARY KEY (chain, lock_id)
) STRICT;
CREATE INDEX locks_hashlock ON locks (hashlock);
CREATE INDEX locks_undecided ON locks (decided, fate);

-- Milliseconds measured on our own transactions and on tips.
CREATE TABLE measurements (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    chain       INTEGER NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('inclusion', 'finality', 'block')),
    ms          INTEGER NOT NULL
) STRICT;
CREATE INDEX measurements_kind ON measurements (chain, kind, id);
