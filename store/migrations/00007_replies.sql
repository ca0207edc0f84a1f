-- +goose Up
-- One row per command line of a comment: what came of it. Written in the
-- transaction of its effect, so that a retry does not do it again.
CREATE TABLE commands (
    repo_id     BIGINT  NOT NULL,
    comment_id  BIGINT  NOT NULL,
    position    INTEGER NOT NULL,            -- within the comment, from 0
    number      BIGINT  NOT NULL,            -- of the issue or pull request
    author      TEXT    NOT NULL,
    line        TEXT    NOT NULL,            -- as written
    outcome     TEXT    NOT NULL,            -- done | failed | refused
    answer      TEXT    NOT NULL,            -- Markdown
    incident_id BIGINT  NOT NULL DEFAULT 0,  -- whose state the answer reports
    at          BIGINT  NOT NULL,            -- Unix ms
    PRIMARY KEY (repo_id, comment_id, position)
);
CREATE INDEX commands_thread ON commands (repo_id, number, at);
CREATE INDEX commands_incident ON commands (incident_id) WHERE incident_id <> 0;
CREATE INDEX commands_age ON commands (at);

-- The one comment in which a thread's answers stand.
CREATE TABLE replies (
    repo_id         BIGINT NOT NULL,
    number          BIGINT NOT NULL,
    installation_id BIGINT NOT NULL,
    owner           TEXT   NOT NULL,
    repo            TEXT   NOT NULL,
    comment_id      BIGINT NOT NULL,
    digest          TEXT   NOT NULL,         -- of the body that GitHub has
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (repo_id, number)
);
CREATE INDEX replies_age ON replies (updated_at);
