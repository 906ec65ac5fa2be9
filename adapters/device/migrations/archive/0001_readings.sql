-- Everything accepted from devices. A row is written once and never changed, but for the open periods.

CREATE TABLE chains (
    number     INTEGER PRIMARY KEY,
    device     BLOB NOT NULL,
    feed       BLOB NOT NULL,
    key_number INTEGER NOT NULL,
    UNIQUE (device, feed, key_number)
) STRICT;

-- One per feed and stretch of time in which something was accepted; root is there once it is over.
CREATE TABLE periods (
    number  INTEGER PRIMARY KEY,
    feed    BLOB NOT NULL,
    period  INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    digest  BLOB NOT NULL,
    root    BLOB,
    UNIQUE (feed, period)
) STRICT;

CREATE TABLE readings (
    chain    INTEGER NOT NULL REFERENCES chains,
    sequence INTEGER NOT NULL,
    time     INTEGER NOT NULL,
    value    INTEGER NOT NULL,
    period   INTEGER NOT NULL REFERENCES periods,
    place    INTEGER NOT NULL,
    digest   BLOB NOT NULL,
    hardware BLOB NOT NULL,
    feed_signature BLOB,
    PRIMARY KEY (chain, sequence)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX places ON readings (period, place);

-- Devices against themselves: two signed bodies each.
CREATE TABLE evidence (
    number  INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    offence TEXT NOT NULL,
    first_body  BLOB NOT NULL,
    first_signature BLOB NOT NULL,
    second_body BLOB NOT NULL,
    second_signature BLOB NOT NULL,
    UNIQUE (first_body, second_body)
) STRICT;
