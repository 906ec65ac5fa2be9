-- Sealed files, by their SHA-256: ciphertext alone, never a content or its key.
CREATE TABLE sealed_files (
    digest      TEXT    NOT NULL PRIMARY KEY,
    bytes       BLOB    NOT NULL
) STRICT;
