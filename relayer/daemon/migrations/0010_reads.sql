-- Reads of data that were bought one by one and served by this daemon. How many were bought is on the chain.
CREATE TABLE market_reads (
    listing     TEXT    NOT NULL,
    account     TEXT    NOT NULL,
    used        INTEGER NOT NULL,
    PRIMARY KEY (listing, account)
) STRICT;
