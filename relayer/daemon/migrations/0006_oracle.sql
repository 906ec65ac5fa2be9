-- Devices as both chains show them up to the cursors, and the anchors of their readings.

CREATE TABLE oracle_devices (
    id          TEXT    NOT NULL,
    did         TEXT,                           -- none: only the mirror was heard so far
    registered  TEXT,                           -- versioned JSON: the record on the public chain
    mirrored    TEXT,                           -- the same on the consortium chain
    PRIMARY KEY (id)
) STRICT;
CREATE INDEX oracle_devices_did ON oracle_devices (did);

-- The next height to read.
CREATE TABLE oracle_cursors (
    chain       INTEGER NOT NULL,
    contract    TEXT    NOT NULL,
    next_height INTEGER NOT NULL,
    PRIMARY KEY (chain, contract)
) STRICT;

-- Every anchor of `Evidence`, in its order: the tree of the roll is over all of them.
CREATE TABLE oracle_anchors (
    number      INTEGER NOT NULL,               -- 0, 1, 2, .. of all streams
    stream      TEXT    NOT NULL,
    period      INTEGER NOT NULL,
    anchor      TEXT    NOT NULL,               -- versioned JSON
    PRIMARY KEY (number)
) STRICT;
CREATE INDEX oracle_anchors_stream ON oracle_anchors (stream, period);
