-- +goose Up
-- What is known about a file's content, by git blob: findings and facts of a
-- workflow, the content of a configuration. A cache: any row may be deleted.
CREATE TABLE lint_results (
    blob    TEXT   NOT NULL, -- git's hash of the content
    role    TEXT   NOT NULL, -- as what the file was read: workflow | configuration
    version TEXT   NOT NULL, -- of the rules; another version overwrites
    result  BLOB   NOT NULL,
    used_at BIGINT NOT NULL, -- Unix ms, exact to a day
    PRIMARY KEY (blob, role)
);
CREATE INDEX lint_results_used ON lint_results (used_at);

-- The last "redundancy / validate" of a commit that GitHub has from us.
CREATE TABLE validations (
    repo_id      BIGINT NOT NULL,
    sha          TEXT   NOT NULL,
    external_id  TEXT   NOT NULL,
    check_run_id BIGINT NOT NULL,
    conclusion   TEXT   NOT NULL,
    errors       BIGINT NOT NULL,
    warnings     BIGINT NOT NULL,
    posted_at    BIGINT NOT NULL, -- Unix ms
    PRIMARY KEY (repo_id, sha)
);
CREATE INDEX validations_posted ON validations (posted_at);
