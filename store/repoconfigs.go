package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// RepositoryConfig is what is known of a repository's configuration: the
// newest version and the one in force, which differ while the newest is broken.
type RepositoryConfig struct {
	bun.BaseModel `bun:"table:repository_configs"`

	RepoID         int64 `bun:",pk"`
	InstallationID int64
	Owner, Name    string

	Source      string // of the newest: own, owner, original or none
	Path        string
	CommitSHA   string `bun:"commit_sha"` // of the repository that holds the file
	BlobSHA     string `bun:"blob_sha"`
	HeadSHA     string `bun:"head_sha"` // of this repository's default branch
	Fingerprint string // of everything that the findings depend on
	Broken      bool
	Findings    []byte // JSON
	Content     []byte // of the newest file

	Good          []byte // JSON of the configuration in force
	GoodSource    string // none when nothing is in force
	GoodPath      string
	GoodCommitSHA string `bun:"good_commit_sha"`
	GoodBlobSHA   string `bun:"good_blob_sha"`

	CheckedAt Millis // when GitHub was last asked
	ChangedAt Millis // when the newest version last changed
}

// RepositoryConfig returns what is known; ok is false for a repository whose
// configuration was never looked for.
func (s *Store) RepositoryConfig(ctx context.Context, repoID int64) (c RepositoryConfig, ok bool, err error) {
	err = s.read.NewSelect().Model(&c).Where("repo_id = ?", repoID).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return RepositoryConfig{}, false, nil
	}
	if err != nil {
		return RepositoryConfig{}, false, fmt.Errorf("read configuration of repository %d: %w", repoID, err)
	}
	return c, true, nil
}

// SaveRepositoryConfig replaces what is known.
func (tx *Tx) SaveRepositoryConfig(ctx context.Context, c RepositoryConfig) error {
	for _, b := range []*[]byte{&c.Findings, &c.Content, &c.Good} {
		if *b == nil { // the columns hold no NULL
			*b = []byte{}
		}
	}
	if _, err := tx.NewInsert().Model(&c).On("CONFLICT (repo_id) DO UPDATE").Exec(ctx); err != nil {
		return fmt.Errorf("save configuration of repository %d: %w", c.RepoID, err)
	}
	return nil
}

// DeleteRepositoryConfig forgets a repository and what was watched in it, when
// the App is taken off it.
func (tx *Tx) DeleteRepositoryConfig(ctx context.Context, repoID int64) error {
	if _, err := tx.NewDelete().Model((*RepositoryConfig)(nil)).Where("repo_id = ?", repoID).Exec(ctx); err != nil {
		return fmt.Errorf("delete configuration of repository %d: %w", repoID, err)
	}
	if _, err := tx.NewDelete().Model((*Watch)(nil)).Where("repo_id = ?", repoID).Exec(ctx); err != nil {
		return fmt.Errorf("delete watches of repository %d: %w", repoID, err)
	}
	return nil
}

// RepositoryConfigsOf lists an owner's repositories without a file of their
// own: those that a change of the owner's default concerns. Contents and
// findings are not read.
func (s *Store) RepositoryConfigsOf(ctx context.Context, owner string) ([]RepositoryConfig, error) {
	var list []RepositoryConfig
	err := s.read.NewSelect().Model(&list).
		Column("repo_id", "installation_id", "owner", "name", "source").
		Where("owner = ? COLLATE NOCASE", owner).Where("source <> 'own'").
		Order("repo_id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list repositories of %s without own configuration: %w", owner, err)
	}
	return list, nil
}
