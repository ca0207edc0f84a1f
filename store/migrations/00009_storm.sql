-- +goose Up
-- Whether the runs of a target begin: the newest observation of each.
CREATE TABLE canaries (
    repo_id       BIGINT  NOT NULL,
    workflow_path TEXT    NOT NULL,
    began         BOOLEAN NOT NULL,
    at            BIGINT  NOT NULL,            -- of the observation, Unix ms
    PRIMARY KEY (repo_id, workflow_path)
);
CREATE INDEX canaries_age ON canaries (at);

-- What recoveries depend on: GitHub's API, GitHub Actions, each host.
CREATE TABLE dependencies (
    name        TEXT    PRIMARY KEY,           -- github-actions | github-api | github-webhooks | agent:<host>
    breaker     TEXT    NOT NULL,              -- JSON of storm.Breaker
    upstream_id BIGINT  NOT NULL DEFAULT 0,    -- the newest upstream incident about it
    page        TEXT    NOT NULL DEFAULT '',   -- what the public status page said, JSON of fallback.StatusPage
    page_at     BIGINT  NOT NULL DEFAULT 0,    -- when it was asked
    updated_at  BIGINT  NOT NULL
);

-- What the budgets count.
CREATE INDEX steps_spent ON steps (intent_at, repo_id) WHERE epoch <> 0;
