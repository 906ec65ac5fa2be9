-- The supply statement (V1) of each peg: what was read for it, and what it said.

-- Transfers that have not ended on both chains, as the chains show them up to the cursors.
CREATE TABLE supply_transfers (
    peg         TEXT    NOT NULL,               -- name of the pair of ports
    origin      INTEGER NOT NULL,               -- chain of the lock
    lock_id     TEXT    NOT NULL,
    amount      TEXT    NOT NULL,
    fate        TEXT,                           -- of the lock; none: the origin shows no such lock
    claimed     INTEGER NOT NULL DEFAULT 0 CHECK (claimed IN (0, 1)), -- paid at the destination
    PRIMARY KEY (peg, origin, lock_id)
) STRICT;

-- The next height to read.
CREATE TABLE supply_cursors (
    peg         TEXT    NOT NULL,
    chain       INTEGER NOT NULL,
    next_height INTEGER NOT NULL,
    PRIMARY KEY (peg, chain)
) STRICT;

CREATE TABLE supply_statements (
    peg         TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    alarm       INTEGER NOT NULL CHECK (alarm IN (0, 1)),
    statement   TEXT    NOT NULL,               -- versioned JSON
    at          INTEGER NOT NULL,               -- local seconds
    PRIMARY KEY (peg, seq)
) STRICT;
CREATE INDEX supply_statements_alarm ON supply_statements (peg, alarm, seq);
