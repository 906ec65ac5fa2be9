-- How far each destination has confirmed. A reading is forgotten when all have.
CREATE TABLE destinations (
    name     TEXT PRIMARY KEY,
    through  INTEGER NOT NULL
) STRICT;
