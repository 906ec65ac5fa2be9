-- Which periods of the archive a listing's rewards were asked for, so that no reading is rewarded twice. That a reward was paid
-- is on the chain: the listing's number of the next one has passed it.
CREATE TABLE market_rewards (
    listing     TEXT    NOT NULL,
    number      INTEGER NOT NULL,               -- of the listing's rewards: 0, 1, 2, ..
    first       INTEGER NOT NULL,               -- periods of the archive
    last        INTEGER NOT NULL,
    rest_after  TEXT,                           -- devices after this one are left for the next reward; none: all were in it
    after       TEXT,                           -- only devices after this one are in it
    PRIMARY KEY (listing, number)
) STRICT;

-- What devices earned, as the market said it at final heights.
CREATE TABLE market_earned (
    number      INTEGER NOT NULL,               -- of the market's events
    device      TEXT    NOT NULL,
    readings    INTEGER NOT NULL,
    amount      TEXT    NOT NULL,               -- smallest units, decimal
    PRIMARY KEY (number)
) STRICT;
CREATE INDEX market_earned_device ON market_earned (device);
