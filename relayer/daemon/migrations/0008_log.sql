-- The event log (docs/regulator.md): entries in the order in which they came to this daemon. The bytes are what counts; the
-- other columns repeat what stands in them, to be asked for, and are compared with them at every start.
CREATE TABLE log_entries (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
    segment     INTEGER NOT NULL,               -- chain id, 0 for acts
    position    INTEGER NOT NULL,
    at          INTEGER NOT NULL,               -- unix second of the block, or of the local clock for acts
    kind        TEXT    NOT NULL,               -- name of the event or act
    height      INTEGER,
    tx          TEXT,
    address     TEXT,                           -- the contract
    topic       TEXT,                           -- the first indexed argument: of most events the id of what they are about
    topic2      TEXT,                           -- the second: of a lock its hash lock, which begins with the transfer's id
    bytes       BLOB    NOT NULL,               -- canonical CBOR
    UNIQUE (segment, position)
) STRICT;
CREATE INDEX log_entries_kind ON log_entries (kind, seq);
CREATE INDEX log_entries_at ON log_entries (at, seq);
CREATE INDEX log_entries_height ON log_entries (segment, height);
CREATE INDEX log_entries_topic ON log_entries (topic, seq);
CREATE INDEX log_entries_topic2 ON log_entries (topic2, topic);

-- How far each chain was read, and up to where it is known that nothing is missing.
CREATE TABLE log_segments (
    segment     INTEGER PRIMARY KEY,
    next_height INTEGER NOT NULL,               -- the next height to read
    verified    INTEGER NOT NULL,               -- height up to which every lane was counted
    size        INTEGER NOT NULL                -- entries up to there
) STRICT;

-- Heads that were signed. A head is anchored when its link is known.
CREATE TABLE log_heads (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    body        BLOB    NOT NULL,               -- canonical CBOR
    keeper      TEXT    NOT NULL,               -- who signed
    signature   BLOB    NOT NULL,
    root        TEXT    NOT NULL,               -- over the chains
    number      INTEGER,                        -- of the anchor
    link        TEXT,
    tx          TEXT
) STRICT;

-- Tells sequence numbers of this database from those of another.
CREATE TABLE log_identity (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    generation  TEXT    NOT NULL
) STRICT;

CREATE TABLE alarms (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    rule        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    text        TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('raised', 'acknowledged', 'escalated', 'cleared')),
    times       INTEGER NOT NULL DEFAULT 1,     -- raised again while open
    raised_at   INTEGER NOT NULL,               -- unix seconds, as all below
    escalated_at INTEGER,
    acknowledged_at INTEGER,
    acknowledged_by TEXT,
    note        TEXT,
    cleared_at  INTEGER
) STRICT;
-- One open alarm of a rule about a subject.
CREATE UNIQUE INDEX alarms_open ON alarms (rule, subject) WHERE state <> 'cleared';

-- What is still to be told, and to whom.
CREATE TABLE alarm_deliveries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    alarm       INTEGER NOT NULL REFERENCES alarms (id),
    happened    TEXT    NOT NULL,               -- raised, escalated, cleared
    channel     TEXT    NOT NULL CHECK (channel IN ('webhook', 'mail')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    next_at     INTEGER NOT NULL,               -- unix seconds
    state       TEXT    NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'given_up')),
    problem     TEXT
) STRICT;
CREATE INDEX alarm_deliveries_due ON alarm_deliveries (state, next_at);
