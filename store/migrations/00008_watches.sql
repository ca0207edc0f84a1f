-- +goose Up
-- One row per watched workflow: what its file says, and up to where its
-- schedule is accounted for.
CREATE TABLE watches (
    repo_id         BIGINT  NOT NULL,
    workflow_path   TEXT    NOT NULL,
    installation_id BIGINT  NOT NULL,
    facts           TEXT    NOT NULL,           -- JSON of config.WorkflowFacts at the head of the default branch
    flow            TEXT    NOT NULL,           -- JSON of config.Workflow in force
    watched_since   BIGINT  NOT NULL,           -- ticks before this are nobody's
    settled_through BIGINT  NOT NULL,           -- ticks up to and with this are accounted for
    due_at          BIGINT  NOT NULL DEFAULT 0, -- when the clock looks next; 0 never
    soft            BIGINT  NOT NULL DEFAULT 0, -- learned grace before a tick is suspected, ms; 0 the default
    hard            BIGINT  NOT NULL DEFAULT 0, -- learned grace before it counts as missed, ms; 0 the default
    samples         INTEGER NOT NULL DEFAULT 0, -- that the graces were learned from
    learned_at      BIGINT  NOT NULL DEFAULT 0,
    workflow_state  TEXT    NOT NULL DEFAULT '', -- GitHub's: active, disabled_manually, disabled_inactivity …; '' unknown
    state_at        BIGINT  NOT NULL DEFAULT 0,
    flapping        BOOLEAN NOT NULL DEFAULT FALSE,
    history_at      BIGINT  NOT NULL DEFAULT 0, -- when its past runs were read; 0 never
    back_at         BIGINT  NOT NULL DEFAULT 0, -- when it came back after it had ended; 0 never
    past_at         BIGINT  NOT NULL DEFAULT 0, -- its past is not asked for before this
    past_refused    INTEGER NOT NULL DEFAULT 0, -- times that it was refused
    first_seen      BIGINT  NOT NULL DEFAULT 0, -- when it was enrolled; unlike watched_since it never moves
    crons_since     TEXT    NOT NULL DEFAULT '', -- JSON: when crons began that are younger than the watch, by "spec|timezone"
    PRIMARY KEY (repo_id, workflow_path)
);
CREATE INDEX watches_due ON watches (due_at) WHERE due_at <> 0;
CREATE INDEX watches_installation ON watches (installation_id);

-- Watches that ended lately, for a configuration that is put back.
CREATE TABLE former_watches (
    repo_id       BIGINT NOT NULL,
    workflow_path TEXT   NOT NULL,
    watch         TEXT   NOT NULL,              -- JSON of the row
    ended_at      BIGINT NOT NULL,
    PRIMARY KEY (repo_id, workflow_path)
);
CREATE INDEX former_watches_age ON former_watches (ended_at);

-- Ticks that no run answered in time, and what became of them. Answered ones
-- stand with their runs.
CREATE TABLE ticks (
    repo_id       BIGINT NOT NULL,
    workflow_path TEXT   NOT NULL,
    tick_at       BIGINT NOT NULL,
    cron          TEXT   NOT NULL,              -- "spec|timezone"
    outcome       TEXT   NOT NULL,              -- suspected | missed | dropped (a newer one took its place) | unwatched (nobody could know) | late
    incident_id   BIGINT NOT NULL DEFAULT 0,
    at            BIGINT NOT NULL,
    PRIMARY KEY (repo_id, workflow_path, tick_at, cron)
);
CREATE INDEX ticks_age ON ticks (at);
