-- +goose Up
-- One row per webhook delivery. The body is an S2 block, because it is nearly all of the row.
CREATE TABLE deliveries (
    id              INTEGER PRIMARY KEY,
    guid            TEXT    NOT NULL UNIQUE,
    event           TEXT    NOT NULL,
    action          TEXT    NOT NULL DEFAULT '',
    installation_id BIGINT  NOT NULL DEFAULT 0,
    repository      TEXT    NOT NULL DEFAULT '', -- owner/name, as in the payload
    received_at     BIGINT  NOT NULL,            -- Unix ms; ids grow with it, so retention needs no index on it
    processed_at    BIGINT  NOT NULL DEFAULT 0,
    direct          INTEGER NOT NULL DEFAULT 0,  -- 1: the process that received it handles it, it has no job
    error           TEXT    NOT NULL DEFAULT '', -- why its last handling failed
    size            BIGINT  NOT NULL,            -- bytes of the body before compression
    body            BLOB    NOT NULL
);
-- Partial, so that they cost nothing for the many rows that are done. The depth
-- of the inbox is counted at every scrape.
CREATE INDEX deliveries_pending ON deliveries (id) WHERE processed_at = 0;
CREATE INDEX deliveries_failed ON deliveries (id) WHERE error <> '';

-- Deliveries that GitHub could not hand over and that we asked for again.
CREATE TABLE redeliveries (
    guid         TEXT    PRIMARY KEY,
    delivery_id  BIGINT  NOT NULL,           -- of the newest failed attempt, to ask by
    event        TEXT    NOT NULL DEFAULT '',
    delivered_at BIGINT  NOT NULL,           -- Unix ms of the first failed attempt seen
    requests     INTEGER NOT NULL DEFAULT 0, -- times asked for
    next_at      BIGINT  NOT NULL,           -- ask not before
    arrived_at   BIGINT  NOT NULL DEFAULT 0  -- came after it was asked for
);

-- Moments that outlive the process: name, Unix ms.
CREATE TABLE moments (
    name TEXT   PRIMARY KEY,
    at   BIGINT NOT NULL
);
