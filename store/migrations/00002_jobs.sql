-- +goose Up
-- Unfinished jobs and dead letters; a finished job is deleted.
CREATE TABLE jobs (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: order within a key is order of id
    kind         TEXT    NOT NULL,
    args         TEXT    NOT NULL,                  -- JSON
    key          TEXT    NOT NULL DEFAULT '',       -- jobs of one key run one at a time, in order
    unique_key   TEXT    NOT NULL DEFAULT '',
    state        TEXT    NOT NULL,                  -- available | waiting (behind its key) | running | dead
    run_at       BIGINT  NOT NULL,                  -- Unix ms
    set_at       BIGINT  NOT NULL DEFAULT 0,        -- by which clock run_at was set: the time it told then
    attempt      INTEGER NOT NULL DEFAULT 0,        -- attempts begun
    max_attempts INTEGER NOT NULL,
    crashes      INTEGER NOT NULL DEFAULT 0,        -- times in a row that the process died while it ran
    created_at   BIGINT  NOT NULL,
    started_at   BIGINT  NOT NULL DEFAULT 0,
    last_error   TEXT    NOT NULL DEFAULT ''        -- with the stack after a panic
);
-- Each state has an index of its own, so that a backlog in one costs the others nothing.
CREATE INDEX jobs_ready ON jobs (run_at, id) WHERE state = 'available';
CREATE INDEX jobs_waiting ON jobs (key, id) WHERE state = 'waiting';
CREATE INDEX jobs_dead ON jobs (id) WHERE state = 'dead';
-- The head of a key: what everything behind it waits for. Two heads would run one key in parallel.
CREATE UNIQUE INDEX jobs_head ON jobs (key) WHERE key <> '' AND state IN ('available', 'running');
CREATE UNIQUE INDEX jobs_unique ON jobs (unique_key) WHERE unique_key <> '' AND state IN ('available', 'waiting');
