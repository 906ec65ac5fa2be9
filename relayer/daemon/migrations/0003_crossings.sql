-- Transfers that live on proofs: the peg, the settlement. One set of tables for all kinds; the kind's state machine alone
-- knows what its JSON says. State, history, effects and the fact that caused them are one commit (V7).
CREATE TABLE crossings (
    kind        TEXT    NOT NULL,               -- which state machine
    subject     TEXT    NOT NULL,               -- what the chains call it
    role        TEXT    NOT NULL,
    id          TEXT    NOT NULL,               -- 32 hex digits, its public name
    state       TEXT    NOT NULL,               -- versioned JSON
    stage       TEXT    NOT NULL,
    outcome     TEXT,                           -- once it has ended
    alarm       TEXT,                           -- what a chain showed that cannot be
    revision    INTEGER NOT NULL CHECK (revision >= 0),
    -- What its lock will take of an ERC-20, until it has: an approval covers all that wait.
    waits_chain INTEGER,
    waits_account TEXT,
    waits_token TEXT,
    waits_spender TEXT,
    waits_amount TEXT,
    created_at  INTEGER NOT NULL,               -- local seconds, for people only
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (kind, subject, role)
) STRICT;
CREATE INDEX crossings_open ON crossings (kind, outcome);
CREATE INDEX crossings_id ON crossings (id);
CREATE INDEX crossings_created ON crossings (created_at);

-- Append-only: one row for each change.
CREATE TABLE crossing_history (
    kind        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    seq         INTEGER NOT NULL,               -- the revision this change led to
    name        TEXT    NOT NULL,               -- of the event
    event       TEXT,                           -- JSON; none at the beginning
    does        TEXT    NOT NULL,               -- JSON list of purposes
    stage       TEXT    NOT NULL,
    chain       INTEGER,                        -- where it was read, if a chain said it
    height      INTEGER,
    tx          TEXT,
    at          INTEGER NOT NULL,               -- local seconds
    PRIMARY KEY (kind, subject, role, seq),
    FOREIGN KEY (kind, subject, role) REFERENCES crossings (kind, subject, role)
) STRICT;

-- Idempotence: what a chain says is taken in once, and replayed to a record that begins later.
CREATE TABLE crossing_facts (
    kind        TEXT    NOT NULL,
    chain       INTEGER NOT NULL,
    height      INTEGER NOT NULL,
    log_index   INTEGER NOT NULL,
    block       TEXT    NOT NULL,
    tx          TEXT    NOT NULL,
    subject     TEXT,                           -- none: about every record that hears this chain
    event       TEXT    NOT NULL,               -- JSON
    refusal     TEXT,                           -- why nothing began, for people
    PRIMARY KEY (kind, chain, height, log_index)
) STRICT;
CREATE INDEX crossing_facts_subject ON crossing_facts (kind, subject);

-- What a step asked for. It becomes an order as soon as its proof is at hand.
CREATE TABLE crossing_effects (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    purpose     TEXT    NOT NULL,
    effect      TEXT    NOT NULL,               -- JSON, no secret
    status      TEXT    NOT NULL CHECK (status IN ('wanted', 'ordered', 'done', 'failed', 'dropped')),
    order_id    INTEGER REFERENCES outbox (id),
    exposed     INTEGER NOT NULL DEFAULT 0 CHECK (exposed IN (0, 1)), -- a transaction of an earlier order may have been seen
    proved_at   INTEGER,                        -- height of the other chain whose certificate its newest order shows
    FOREIGN KEY (kind, subject, role) REFERENCES crossings (kind, subject, role)
) STRICT;
CREATE INDEX crossing_effects_live ON crossing_effects (kind, status);
CREATE INDEX crossing_effects_of ON crossing_effects (kind, subject, role);

-- The next height to read, by kind, chain and path.
CREATE TABLE crossing_cursors (
    kind        TEXT    NOT NULL,
    chain       INTEGER NOT NULL,
    path        TEXT    NOT NULL CHECK (path IN ('live', 'rescan')),
    next_height INTEGER NOT NULL,
    PRIMARY KEY (kind, chain, path)
) STRICT;
