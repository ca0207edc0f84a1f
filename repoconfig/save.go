package repoconfig

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// stamped puts the generation in front of a fingerprint, so that a stored row
// tells which one it was made by without its files.
func stamped(sum string) string { return strconv.Itoa(generation) + ":" + sum }

func current(row store.RepositoryConfig) bool {
	return strings.HasPrefix(row.Fingerprint, stamped(""))
}

// unchanged notes that the stored version is still the newest.
func (l *Loader) unchanged(ctx context.Context, repo queue.Repo, row store.RepositoryConfig, commit, head string) (Effective, error) {
	if !row.Broken {
		row.GoodCommitSHA = commit
	}
	row.CommitSHA, row.HeadSHA = commit, head
	row.InstallationID, row.Owner, row.Name = repo.InstallationID, repo.Owner, repo.Name
	row.CheckedAt = store.MillisOf(l.cfg.Clock.Now())
	if err := l.write(ctx, row); err != nil {
		return Effective{}, err
	}
	return effective(row)
}

// save records a new version, and puts it in force unless it is broken.
func (l *Loader) save(ctx context.Context, repo queue.Repo, old store.RepositoryConfig, c candidate, ev evaluation) (Effective, error) {
	row := old
	now := store.MillisOf(l.cfg.Clock.Now())
	row.RepoID, row.InstallationID, row.Owner, row.Name = repo.ID, repo.InstallationID, repo.Owner, repo.Name
	row.Source, row.Path, row.CommitSHA, row.BlobSHA = string(c.Source), c.Path, c.Commit, c.BlobSHA
	row.HeadSHA, row.Fingerprint, row.Content = c.repo.head, c.fingerprint(), ev.content
	row.CheckedAt, row.ChangedAt = now, now
	row.Broken = config.HasErrors(ev.findings)
	var err error
	if row.Findings, err = json.Marshal(ev.findings); err != nil {
		return Effective{}, fmt.Errorf("encode findings: %w", err)
	}
	switch {
	case !row.Broken:
		row.GoodSource, row.GoodPath, row.GoodCommitSHA, row.GoodBlobSHA = row.Source, row.Path, row.CommitSHA, row.BlobSHA
		row.Good = nil
		if c.Source != None {
			if row.Good, err = json.Marshal(ev.config); err != nil {
				return Effective{}, fmt.Errorf("encode configuration: %w", err)
			}
		}
	case row.GoodSource == "":
		row.GoodSource = string(None) // broken from the start
	}
	e, err := effective(row)
	if err != nil {
		return Effective{}, err
	}
	facts, err := l.watched(ctx, c.repo, e.Repository)
	if err != nil {
		return Effective{}, err
	}
	err = l.cfg.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.SaveRepositoryConfig(ctx, row); err != nil || l.cfg.Enrol == nil {
			return err
		}
		return l.cfg.Enrol(ctx, tx, repo, e.Repository, facts)
	})
	if err != nil {
		return Effective{}, err
	}
	level := zerolog.InfoLevel
	if e.Broken {
		level = zerolog.WarnLevel
	}
	zerolog.Ctx(ctx).WithLevel(level).Str("source", string(e.Source)).Str("commit", e.Commit).Str("in_force", e.InForce.Commit).
		Int("findings", len(e.Findings)).Int("watched", len(e.Repository.Workflows)).Bool("broken", e.Broken).
		Msg("configuration loaded")
	return e, nil
}

// watched reads the facts of the workflows that the configuration in force is
// about, which need not be the newest: while that is broken, the files at the
// head still say when they are started.
func (l *Loader) watched(ctx context.Context, t *tree, inForce config.Repository) (map[string]config.WorkflowFacts, error) {
	if l.cfg.Enrol == nil {
		return nil, nil
	}
	facts := make(map[string]config.WorkflowFacts, len(inForce.Workflows))
	for _, w := range inForce.Workflows {
		f, ok := t.files[w.File]
		if !ok {
			continue
		}
		var err error
		if facts[w.File], err = l.facts(ctx, t, f); err != nil {
			return nil, err
		}
	}
	return facts, nil
}

func (l *Loader) write(ctx context.Context, row store.RepositoryConfig) error {
	return l.cfg.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.SaveRepositoryConfig(ctx, row)
	})
}
