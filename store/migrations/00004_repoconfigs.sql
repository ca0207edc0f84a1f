-- +goose Up
-- The configuration of each repository: the newest version that was seen, and the one in force.
-- They differ while the newest one is broken.
CREATE TABLE repository_configs (
    repo_id         INTEGER PRIMARY KEY,         -- GitHub's id
    installation_id BIGINT  NOT NULL,
    owner           TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    source          TEXT    NOT NULL,            -- of the newest: own | owner | original | none
    path            TEXT    NOT NULL DEFAULT '',
    commit_sha      TEXT    NOT NULL DEFAULT '', -- of the repository that holds the file
    blob_sha        TEXT    NOT NULL DEFAULT '',
    head_sha        TEXT    NOT NULL DEFAULT '', -- of this repository's default branch when it was looked at
    fingerprint     TEXT    NOT NULL DEFAULT '', -- of everything that findings depend on
    broken          BOOLEAN NOT NULL DEFAULT FALSE,
    findings        BLOB    NOT NULL,            -- JSON
    content         BLOB    NOT NULL,            -- of the newest file, to check its references again
    good            BLOB    NOT NULL,            -- JSON of what is in force
    good_source     TEXT    NOT NULL,            -- none when nothing is in force
    good_path       TEXT    NOT NULL DEFAULT '',
    good_commit_sha TEXT    NOT NULL DEFAULT '',
    good_blob_sha   TEXT    NOT NULL DEFAULT '',
    checked_at      BIGINT  NOT NULL,            -- Unix ms
    changed_at      BIGINT  NOT NULL
);
CREATE INDEX repository_configs_owner ON repository_configs (owner COLLATE NOCASE);
CREATE INDEX repository_configs_broken ON repository_configs (repo_id) WHERE broken;
