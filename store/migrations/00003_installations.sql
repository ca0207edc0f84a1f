-- +goose Up
-- What GitHub last said about where the App is installed. A row stays when the
-- installation or repository goes, because incidents point at it.
CREATE TABLE installations (
    id           BIGINT PRIMARY KEY,             -- GitHub's
    account      TEXT   NOT NULL,                -- login of the user or organisation
    account_type TEXT   NOT NULL DEFAULT '',     -- User | Organization
    selection    TEXT   NOT NULL DEFAULT '',     -- all | selected
    state        TEXT   NOT NULL,                -- active | suspended | deleted
    permissions  TEXT   NOT NULL DEFAULT '',     -- JSON, as granted
    updated_at   BIGINT NOT NULL                 -- Unix ms
);
CREATE TABLE repositories (
    id              BIGINT  PRIMARY KEY,         -- GitHub's; survives rename and transfer
    installation_id BIGINT  NOT NULL,
    owner           TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    default_branch  TEXT    NOT NULL DEFAULT '', -- '' while unknown
    private         BOOLEAN NOT NULL DEFAULT FALSE,
    archived        BOOLEAN NOT NULL DEFAULT FALSE,
    removed         BOOLEAN NOT NULL DEFAULT FALSE, -- no longer covered by the installation
    seen_at         BIGINT  NOT NULL,               -- Unix ms; when it was last in a list, or new in a webhook
    changed_at      BIGINT  NOT NULL DEFAULT 0,     -- GitHub's updated_at of this row's facts, Unix ms; 0 unknown
    former_branch   TEXT    NOT NULL DEFAULT '',    -- the default branch before this one
    branch_since    BIGINT  NOT NULL DEFAULT 0      -- Unix ms; when that changed, 0 never
);
CREATE INDEX repositories_installation ON repositories (installation_id);
-- Not unique: a name can be free again and taken by another before we hear of either.
CREATE INDEX repositories_name ON repositories (lower(owner), lower(name));
