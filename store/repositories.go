package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// Repository is a repository that an installation covers, or covered.
type Repository struct {
	bun.BaseModel `bun:"table:repositories"`

	ID             int64  `bun:"id,pk"`
	InstallationID int64  `bun:"installation_id"`
	Owner          string `bun:"owner"`
	Name           string `bun:"name"`
	DefaultBranch  string `bun:"default_branch"` // "" while unknown
	Private        bool   `bun:"private"`
	Archived       bool   `bun:"archived"`
	Removed        bool   `bun:"removed"` // no longer covered
	SeenAt         Millis `bun:"seen_at"`
	ChangedAt      Millis `bun:"changed_at"`    // GitHub's updated_at, in whole seconds; 0 while unknown
	FormerBranch   string `bun:"former_branch"` // the default branch before this one; "" none known
	BranchSince    Millis `bun:"branch_since"`  // when that changed; 0 never
}

// FullName is "owner/name".
func (r Repository) FullName() string { return r.Owner + "/" + r.Name }

// repositoryChunk keeps a statement below SQLite's 32,766 parameters.
const repositoryChunk = 500

// Repository returns one repository; ok is false when it was never seen.
func (s *Store) Repository(ctx context.Context, id int64) (r Repository, ok bool, err error) {
	err = s.read.NewSelect().Model(&r).Where("id = ?", id).Scan(ctx)
	return oneRepository(r, err)
}

// RepositoryByName returns the covered repository of that name, in any case of
// letters as GitHub does. When two rows claim it, because a rename was not
// heard of yet, the one seen last counts.
func (s *Store) RepositoryByName(ctx context.Context, owner, name string) (r Repository, ok bool, err error) {
	err = s.read.NewSelect().Model(&r).
		Where("lower(owner) = lower(?)", owner).Where("lower(name) = lower(?)", name).Where("NOT removed").
		Order("seen_at DESC", "id DESC").Limit(1).Scan(ctx)
	return oneRepository(r, err)
}

func oneRepository(r Repository, err error) (Repository, bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return Repository{}, false, nil
	}
	if err != nil {
		return Repository{}, false, fmt.Errorf("read repository: %w", err)
	}
	return r, true, nil
}

// Repositories lists what an installation covers, or with 0 what all active
// installations cover, by owner and name.
func (s *Store) Repositories(ctx context.Context, installationID int64) ([]Repository, error) {
	return listRepositories(ctx, s.read, installationID)
}

// InstallationRepositories is [Store.Repositories] of one installation as a
// transaction sees it.
func InstallationRepositories(ctx context.Context, tx *Tx, installationID int64) ([]Repository, error) {
	return listRepositories(ctx, tx, installationID)
}

func listRepositories(ctx context.Context, db bun.IDB, installationID int64) ([]Repository, error) {
	var all []Repository
	q := db.NewSelect().Model(&all).Where("NOT removed").Order("owner", "name")
	if installationID != 0 {
		q = q.Where("installation_id = ?", installationID)
	} else {
		q = q.Where("installation_id IN (SELECT id FROM installations WHERE state = ?)", InstallationActive)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read repositories: %w", err)
	}
	return all, nil
}

// SaveRepositories writes what GitHub says now; an empty DefaultBranch keeps
// the known one, and names and branch of a later ChangedAt stay. It returns
// those whose configuration must be read: new or back again, under another name
// or owner (whose default counts), with another default branch, no longer archived. Archived repositories run nothing and are not
// among them.
func SaveRepositories(ctx context.Context, tx *Tx, repos []Repository) ([]Repository, error) {
	var stale []Repository
	for chunk := range slices.Chunk(repos, repositoryChunk) {
		known, err := knownRepositories(ctx, tx, chunk)
		if err != nil {
			return nil, err
		}
		// Webhooks can have told more than a list that was begun before them.
		for i, r := range chunk {
			if before, ok := known[r.ID]; ok && r.ChangedAt != 0 && r.ChangedAt < before.ChangedAt {
				chunk[i].Owner, chunk[i].Name, chunk[i].DefaultBranch, chunk[i].ChangedAt = before.Owner, before.Name, before.DefaultBranch, before.ChangedAt
			}
			chunk[i] = chunk[i].Succeeding(known[r.ID])
		}
		_, err = tx.NewInsert().Model(&chunk).On("CONFLICT (id) DO UPDATE").
			Set("installation_id = EXCLUDED.installation_id").Set("owner = EXCLUDED.owner").Set("name = EXCLUDED.name").
			Set("default_branch = EXCLUDED.default_branch").Set("former_branch = EXCLUDED.former_branch").Set("branch_since = EXCLUDED.branch_since").
			Set("private = EXCLUDED.private").Set("archived = EXCLUDED.archived").Set("changed_at = EXCLUDED.changed_at").
			Set("removed = EXCLUDED.removed").Set("seen_at = EXCLUDED.seen_at").Exec(ctx)
		if err != nil {
			return nil, fmt.Errorf("save repositories: %w", err)
		}
		for _, now := range chunk {
			before, ok := known[now.ID]
			if !now.Archived && !now.Removed && (!ok || before.Removed || before.Archived || before.Owner != now.Owner || before.Name != now.Name ||
				now.DefaultBranch != "" && before.DefaultBranch != now.DefaultBranch) {
				stale = append(stale, now)
			}
		}
	}
	return stale, nil
}

// SaveRepositoryFacts writes the installation, name and default branch of a
// covered repository as a webhook or an answer of GitHub's states them ("" keeps
// the known value), unless what is known is of a later ChangedAt. It says
// whether that changed anything. A repository that was never listed stays
// unknown: the list that brings it also has its configuration read.
func SaveRepositoryFacts(ctx context.Context, tx *Tx, now Repository) (changed bool, err error) {
	known, err := knownRepositories(ctx, tx, []Repository{now})
	if err != nil {
		return false, err
	}
	before, ok := known[now.ID]
	if !ok || before.Removed || !now.News(before) {
		return false, nil
	}
	now = now.Succeeding(before)
	_, err = tx.NewUpdate().Model((*Repository)(nil)).Set("installation_id = ?", now.InstallationID).Set("owner = ?", now.Owner).
		Set("name = ?", now.Name).Set("default_branch = ?", now.DefaultBranch).
		Set("former_branch = ?", now.FormerBranch).Set("branch_since = ?", now.BranchSince).
		Set("changed_at = ?", max(now.ChangedAt, before.ChangedAt)).Set("seen_at = ?", max(now.SeenAt, before.SeenAt)).
		Where("id = ?", now.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("save facts of repository: %w", err)
	}
	return true, nil
}

// News says whether r has facts that the known row lacks and that are not older.
func (r Repository) News(known Repository) bool {
	if r.ChangedAt != 0 && r.ChangedAt < known.ChangedAt {
		return false // a late or repeated delivery
	}
	return r.InstallationID != known.InstallationID || r.Owner != known.Owner || r.Name != known.Name ||
		r.DefaultBranch != "" && r.DefaultBranch != known.DefaultBranch
}

func knownRepositories(ctx context.Context, tx *Tx, repos []Repository) (map[int64]Repository, error) {
	ids := make([]int64, len(repos))
	for i, r := range repos {
		ids[i] = r.ID
	}
	var rows []Repository
	if err := tx.NewSelect().Model(&rows).Where("id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read repositories: %w", err)
	}
	known := make(map[int64]Repository, len(rows))
	for _, r := range rows {
		known[r.ID] = r
	}
	return known, nil
}

// RemoveRepositories marks repositories as no longer covered by this
// installation. One that another installation has taken over meanwhile stays.
func RemoveRepositories(ctx context.Context, tx *Tx, installationID int64, ids []int64) error {
	for chunk := range slices.Chunk(ids, repositoryChunk) {
		_, err := tx.NewUpdate().Model((*Repository)(nil)).Set("removed = ?", true).
			Where("installation_id = ?", installationID).Where("id IN (?)", bun.List(chunk)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("remove repositories: %w", err)
		}
	}
	return nil
}

// RemoveUnseenRepositories marks those that the list saved at seenAt did not
// contain, and returns how many.
func RemoveUnseenRepositories(ctx context.Context, tx *Tx, installationID int64, seenAt Millis) (int64, error) {
	res, err := tx.NewUpdate().Model((*Repository)(nil)).Set("removed = ?", true).
		Where("installation_id = ?", installationID).Where("seen_at <> ?", seenAt).Where("NOT removed").Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("remove repositories: %w", err)
	}
	return res.RowsAffected()
}
