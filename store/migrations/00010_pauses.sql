-- +goose Up
-- What people have paused. A maintenance window is a pause that begins later.
CREATE TABLE pauses (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    scope         TEXT    NOT NULL,            -- all | repository | workflow
    repo_id       BIGINT  NOT NULL DEFAULT 0,  -- 0 with scope all
    owner         TEXT    NOT NULL DEFAULT '', -- the names at that time, for people
    repo          TEXT    NOT NULL DEFAULT '',
    workflow_path TEXT    NOT NULL DEFAULT '', -- with scope workflow only
    from_at       BIGINT  NOT NULL,
    until_at      BIGINT  NOT NULL DEFAULT 0,  -- 0: until somebody resumes
    actor         TEXT    NOT NULL,
    reason        TEXT    NOT NULL DEFAULT '',
    created_at    BIGINT  NOT NULL,
    ended_at      BIGINT  NOT NULL DEFAULT 0,  -- when a person ended it, or put another in its place
    ended_by      TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX pauses_open ON pauses (repo_id, workflow_path) WHERE ended_at = 0;

-- Attempts of runs that were told to skip their work because it is somebody
-- else's: their success proves nothing.
CREATE TABLE claim_refusals (
    repo_id   BIGINT  NOT NULL,
    run_id    BIGINT  NOT NULL,
    attempt   INTEGER NOT NULL,
    claim_key TEXT    NOT NULL,
    owner     TEXT    NOT NULL,                -- who had the claim
    at        BIGINT  NOT NULL,
    PRIMARY KEY (repo_id, run_id, attempt)
);
CREATE INDEX claim_refusals_age ON claim_refusals (at);
CREATE INDEX claims_owner ON claims (owner) WHERE state IN ('held', 'in_doubt');
