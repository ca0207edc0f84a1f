-- +goose Up
-- One row per webhook delivery. The body is zstd, because it is nearly all of the row.
CREATE TABLE deliveries (
    id              INTEGER PRIMARY KEY,
    guid            TEXT    NOT NULL UNIQUE,
    event           TEXT    NOT NULL,
    action          TEXT    NOT NULL DEFAULT '',
    installation_id BIGINT  NOT NULL DEFAULT 0,
    repository      TEXT    NOT NULL DEFAULT '', -- owner/name, as in the payload
    received_at     BIGINT  NOT NULL,            -- Unix ms; ids grow with it, so retention needs no index on it
    processed_at    BIGINT  NOT NULL DEFAULT 0,
    error           TEXT    NOT NULL DEFAULT '', -- why its last handling failed
    size            BIGINT  NOT NULL,            -- bytes of the body before compression
    body            BLOB    NOT NULL
);
