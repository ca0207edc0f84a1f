-- +goose Up
-- What was seen of workflow runs that matter: one row per attempt, never going backwards.
CREATE TABLE workflow_runs (
    repo_id       BIGINT  NOT NULL,
    run_id        BIGINT  NOT NULL,
    attempt       INTEGER NOT NULL,
    workflow_path TEXT    NOT NULL,
    event         TEXT    NOT NULL,
    head_branch   TEXT    NOT NULL,
    head_sha      TEXT    NOT NULL,
    actor         TEXT    NOT NULL,            -- who started this attempt
    url           TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    conclusion    TEXT    NOT NULL,            -- '' while it is not completed
    created_at    BIGINT  NOT NULL,            -- of the run, the same for every attempt
    updated_at    BIGINT  NOT NULL,            -- as GitHub says, in whole seconds
    observed_at   BIGINT  NOT NULL,            -- when this row last changed
    started_at    BIGINT  NOT NULL DEFAULT 0,  -- run_started_at: when this attempt was asked for
    began_at      BIGINT  NOT NULL DEFAULT 0,  -- when it was first seen in progress, by GitHub's clock; 0 unknown
    ready_at      BIGINT  NOT NULL DEFAULT 0,  -- when it was first seen to wait for a runner only, after an approval or its turn in its concurrency group; 0 always
    tick_at       BIGINT  NOT NULL DEFAULT 0,  -- the tick that this run answers; 0 none
    tick_cron     TEXT    NOT NULL DEFAULT '', -- of that tick: "spec|timezone"
    tombstone     TEXT    NOT NULL DEFAULT '', -- why nothing is expected of this run any more; '' while something is
    unseen_at     BIGINT  NOT NULL DEFAULT 0,  -- since when GitHub has not shown its jobs; 0 it shows them
    accounted     BOOLEAN NOT NULL DEFAULT FALSE, -- the consequences of its end were drawn
    PRIMARY KEY (repo_id, run_id, attempt)
);
CREATE INDEX workflow_runs_history ON workflow_runs (repo_id, workflow_path, created_at);
CREATE INDEX workflow_runs_open ON workflow_runs (repo_id, workflow_path) WHERE status <> 'completed' AND tombstone = '';
CREATE INDEX workflow_runs_owed ON workflow_runs (repo_id, workflow_path) WHERE status = 'completed' AND NOT accounted;
CREATE INDEX workflow_runs_age ON workflow_runs (observed_at);

-- One row per occurrence of a failure.
CREATE TABLE incidents (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    occurrence_key  TEXT    NOT NULL UNIQUE,
    installation_id BIGINT  NOT NULL,
    repo_id         BIGINT  NOT NULL,
    owner           TEXT    NOT NULL,
    repo            TEXT    NOT NULL,
    workflow_path   TEXT    NOT NULL,
    event           TEXT    NOT NULL,
    head_branch     TEXT    NOT NULL,
    head_sha        TEXT    NOT NULL,
    run_id          BIGINT  NOT NULL,
    run_attempt     INTEGER NOT NULL,          -- the newest attempt whose failure is accounted for
    run_url         TEXT    NOT NULL,
    run_created_at  BIGINT  NOT NULL,
    conclusion      TEXT    NOT NULL,
    depth           INTEGER NOT NULL,          -- recoveries that led to this one
    cause           TEXT    NOT NULL DEFAULT '', -- infrastructure | flaky | code; '' not classified yet
    failed_job      TEXT    NOT NULL DEFAULT '',
    failed_step     TEXT    NOT NULL DEFAULT '',
    signal          TEXT    NOT NULL DEFAULT 'failed', -- failed | missed | stalled | absent | disabled | upstream
    tick_at         BIGINT  NOT NULL DEFAULT 0, -- of the schedule, for runs of one and for ticks without a run
    tick_cron       TEXT    NOT NULL DEFAULT '', -- "spec|timezone"
    began_at        BIGINT  NOT NULL DEFAULT 0, -- when the trouble itself began, before anybody noticed
    confirmed_at    BIGINT  NOT NULL DEFAULT 0, -- when it first became failing
    error_line      TEXT    NOT NULL DEFAULT '', -- first error line of the log, as shown
    signature       TEXT    NOT NULL DEFAULT '', -- of the failure: equal for equal ones
    loops           INTEGER NOT NULL DEFAULT 0, -- recoveries right before this one that did not last
    held_by         TEXT    NOT NULL DEFAULT '', -- the gate that suppresses it
    upstream_id     BIGINT  NOT NULL DEFAULT 0, -- the upstream incident that it is part of
    looked_at       BIGINT  NOT NULL DEFAULT 0, -- when the suspicion was first confirmed by a list
    cancel_asked_at BIGINT  NOT NULL DEFAULT 0, -- when GitHub was first asked to cancel the run
    cancel_refused  INTEGER NOT NULL DEFAULT 0, -- times that it refused, as for an orphan
    late_primary    TEXT    NOT NULL DEFAULT '', -- what became of a run that came after all: skipped | cancelled | superseded | duplicate_possible
    state           TEXT    NOT NULL,
    version         BIGINT  NOT NULL,          -- grows by every change of this row: compare-and-swap
    round           INTEGER NOT NULL,          -- passes through the ladder; a person's restart begins one
    unasked         INTEGER NOT NULL DEFAULT 0, -- rounds that no person asked for, since one did
    step_index      INTEGER NOT NULL,          -- the rung that is tried or comes next, from 0
    forced          BOOLEAN NOT NULL,          -- a person decided: the breaker is not asked
    passed          TEXT    NOT NULL DEFAULT '', -- the pauses that were in force when the person decided, JSON of their ids
    following       INTEGER NOT NULL,          -- attempt of the run that somebody else started and that is waited for
    ladder          TEXT    NOT NULL,          -- JSON of the workflow's configuration when the round began
    reason          TEXT    NOT NULL,          -- of the last transition
    evidence        TEXT    NOT NULL DEFAULT '', -- JSON, of how it ended
    not_before      BIGINT  NOT NULL DEFAULT 0, -- suppressed until
    actor           TEXT    NOT NULL DEFAULT '', -- the person who asked for it, '' when a run did
    check_run_id    BIGINT  NOT NULL DEFAULT 0,
    pushed_at       BIGINT  NOT NULL DEFAULT 0, -- of a push: when it was, by GitHub's clock; 0 unknown
    missing_since   BIGINT  NOT NULL DEFAULT 0, -- when GitHub first answered 404 for the run, 0 when it shows it
    opened_at       BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    settled_at      BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX incidents_upstream ON incidents (upstream_id, repo_id) WHERE upstream_id <> 0;
CREATE INDEX incidents_tick ON incidents (repo_id, workflow_path, tick_at) WHERE tick_at <> 0;
CREATE INDEX incidents_run ON incidents (repo_id, run_id);
CREATE INDEX incidents_workflow ON incidents (repo_id, workflow_path, id);
CREATE INDEX incidents_state ON incidents (state, repo_id, workflow_path);
CREATE INDEX incidents_settled ON incidents (settled_at) WHERE settled_at <> 0;

-- The timeline: every transition and every fact worth a line.
CREATE TABLE incident_events (
    id          INTEGER PRIMARY KEY,
    incident_id BIGINT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    at          BIGINT NOT NULL,
    from_state  TEXT   NOT NULL,
    to_state    TEXT   NOT NULL,               -- the same as from_state: a note
    reason      TEXT   NOT NULL,
    evidence    TEXT   NOT NULL DEFAULT ''     -- JSON
);
CREATE INDEX incident_events_incident ON incident_events (incident_id, id);

-- One row per try of a rung. It is written as an intent before the effect.
CREATE TABLE steps (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_id  BIGINT  NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    repo_id      BIGINT  NOT NULL,
    round        INTEGER NOT NULL,
    step_index   INTEGER NOT NULL,
    try          INTEGER NOT NULL,             -- from 1, within round and index
    kind         TEXT    NOT NULL,
    target       TEXT    NOT NULL,             -- workflow path, event type or action
    state        TEXT    NOT NULL,             -- intent | started | succeeded | failed | skipped | not_done | not_sent | in_doubt | superseded
    claim_key    TEXT    NOT NULL,
    epoch        BIGINT  NOT NULL,             -- fencing epoch of the claim; 0 when skipped
    base_attempt INTEGER NOT NULL,             -- attempt of the failed run when the step began
    run_id       BIGINT  NOT NULL DEFAULT 0,   -- the run that this step started
    run_attempt  INTEGER NOT NULL DEFAULT 0,
    url          TEXT    NOT NULL DEFAULT '',
    reason       TEXT    NOT NULL DEFAULT '',
    evidence     TEXT    NOT NULL DEFAULT '',  -- JSON
    intent_at    BIGINT  NOT NULL,
    looked_at    BIGINT  NOT NULL DEFAULT 0,   -- when its run was first looked for and not found
    started_at   BIGINT  NOT NULL DEFAULT 0,   -- when the effect was known to have happened
    done_at      BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX steps_incident ON steps (incident_id, id);
CREATE UNIQUE INDEX steps_fence ON steps (claim_key, epoch) WHERE epoch <> 0;
CREATE INDEX steps_open ON steps (repo_id, kind, done_at) WHERE state IN ('intent', 'not_done', 'in_doubt', 'failed');

-- Runs that we started. They never open incidents; the primary key keeps two
-- steps from adopting one run.
CREATE TABLE children (
    repo_id     BIGINT  NOT NULL,
    run_id      BIGINT  NOT NULL,
    attempt     INTEGER NOT NULL,
    step_id     BIGINT  NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    incident_id BIGINT  NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    PRIMARY KEY (repo_id, run_id, attempt)
);
CREATE INDEX children_incident ON children (incident_id);
CREATE INDEX children_step ON children (step_id);

-- Who may act on an occurrence. A done claim is a tombstone: the primary can
-- still start half a day late.
CREATE TABLE claims (
    key         TEXT   PRIMARY KEY,
    state       TEXT   NOT NULL,               -- free | held | done | in_doubt
    owner       TEXT   NOT NULL,
    epoch       BIGINT NOT NULL,               -- grows by every grant
    lease_until BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE INDEX claims_age ON claims (updated_at);

-- Stops automatic recovery of a workflow whose recoveries keep ending in exhaustion.
CREATE TABLE breakers (
    repo_id       BIGINT  NOT NULL,
    workflow_path TEXT    NOT NULL,
    state         TEXT    NOT NULL,            -- closed | open | half_open
    failures      INTEGER NOT NULL,            -- in a row
    until         BIGINT  NOT NULL,            -- open: closed for automation until; half_open: the probe's time is up
    probe         BIGINT  NOT NULL,            -- incident that is let through while half open
    updated_at    BIGINT  NOT NULL,
    PRIMARY KEY (repo_id, workflow_path)
);

-- Answers to people, so that the same request handled twice acts once.
CREATE TABLE recover_requests (
    request_key TEXT    PRIMARY KEY,
    incident_id BIGINT  NOT NULL,
    accepted    BOOLEAN NOT NULL,
    message     TEXT    NOT NULL,
    at          BIGINT  NOT NULL
);
CREATE INDEX recover_requests_age ON recover_requests (at);

-- Who we are at GitHub, so that a restarted server tells its own runs from
-- those of others before it has asked.
CREATE TABLE apps (
    id   BIGINT PRIMARY KEY,                   -- of the App
    slug TEXT   NOT NULL
);
