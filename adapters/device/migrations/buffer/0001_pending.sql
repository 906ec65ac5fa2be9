-- What a device has signed and not yet been told is stored.

CREATE TABLE pending (
    sequence INTEGER PRIMARY KEY,
    body     BLOB NOT NULL,
    hardware BLOB NOT NULL,
    feed_signature BLOB
) STRICT;

-- The last reading ever signed: a number is never used twice, whatever crashes.
CREATE TABLE head (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    body     BLOB NOT NULL
) STRICT;
