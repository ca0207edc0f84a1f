-- +goose Up
-- How far the list of a repository's runs was compared with what webhooks told.
-- A repository with watches and without a row is due.
CREATE TABLE scans (
    repo_id      BIGINT  PRIMARY KEY,
    etag         TEXT    NOT NULL DEFAULT '', -- of the first page of the list; '' read it in full
    reach        BIGINT  NOT NULL DEFAULT 0,  -- created_at of the oldest run on that page
    read_through BIGINT  NOT NULL DEFAULT 0,  -- runs created before are accounted for
    scanned_at   BIGINT  NOT NULL DEFAULT 0,
    next_at      BIGINT  NOT NULL DEFAULT 0,
    doubt_until  BIGINT  NOT NULL DEFAULT 0,  -- until when webhooks are not relied on
    asked_at     BIGINT  NOT NULL DEFAULT 0,  -- when runs that no list tells of were asked for
    failed_etag  TEXT    NOT NULL DEFAULT '', -- of the list of failed runs; '' read it
    failures     INTEGER NOT NULL DEFAULT 0   -- scans in a row that were refused
);

-- What scans have spent of an installation's hourly limit.
CREATE TABLE scan_budgets (
    installation_id BIGINT  PRIMARY KEY,
    hour_at         BIGINT  NOT NULL,         -- begin of the hour that is counted
    spent           INTEGER NOT NULL,         -- answers in it that counted
    hourly          INTEGER NOT NULL          -- GitHub's limit as last seen
);

CREATE INDEX watches_history ON watches (installation_id) WHERE history_at = 0;
