-- Feeds: what their aggregators said, and each operator's part in them.

-- Events of the aggregators in final blocks, in the order they were read.
CREATE TABLE feed_events (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    feed        TEXT    NOT NULL,               -- id of the feed
    chain       INTEGER NOT NULL,
    number      INTEGER NOT NULL,               -- the contract's own count
    said        TEXT    NOT NULL,               -- versioned JSON
    height      INTEGER NOT NULL,
    tx          TEXT    NOT NULL,
    time        INTEGER NOT NULL,               -- of the block, seconds
    UNIQUE (feed, chain, number)
) STRICT;
CREATE INDEX feed_events_feed ON feed_events (feed, id);

-- The next height to read, and what the aggregator comes to before it.
CREATE TABLE feed_ends (
    feed        TEXT    NOT NULL,
    chain       INTEGER NOT NULL,
    next_height INTEGER NOT NULL,
    standing    TEXT    NOT NULL,               -- versioned JSON
    PRIMARY KEY (feed, chain)
) STRICT;

-- One row for each operator run here and feed: nothing of it is shared with another operator.
CREATE TABLE feed_operators (
    operator    TEXT    NOT NULL,               -- account
    feed        TEXT    NOT NULL,
    config      TEXT    NOT NULL,               -- digest of the configuration it is of
    state       TEXT    NOT NULL,               -- versioned JSON
    effects     TEXT    NOT NULL,               -- what the state asked for last, to be done again after a crash
    seen        INTEGER NOT NULL,               -- newest of feed_events that was taken in
    at          INTEGER NOT NULL,               -- local milliseconds
    PRIMARY KEY (operator, feed)
) STRICT;
