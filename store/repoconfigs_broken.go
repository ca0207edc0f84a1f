package store

import (
	"context"
	"fmt"
)

// BrokenConfigs are the covered repositories whose newest configuration is
// broken, by owner and name, at most limit; total counts all of them. Of a row
// only the names, Source, Path, CommitSHA, Findings, GoodSource and ChangedAt
// are read. Archived repositories are left out: nothing is watched there.
func (s *Store) BrokenConfigs(ctx context.Context, limit int64) (list []RepositoryConfig, total int64, err error) {
	total, err = s.read.NewSelect().Model(&list).
		Column("repo_id", "source", "path", "commit_sha", "findings", "good_source", "repository_config.changed_at").
		ColumnExpr("r.owner AS owner").ColumnExpr("r.name AS name"). // as it is called now
		Join("JOIN repositories AS r ON r.id = repo_id").Where("broken").Where("NOT r.removed").Where("NOT r.archived").
		OrderExpr("r.owner, r.name, repo_id").Limit(limit).ScanAndCount(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("list broken configurations: %w", err)
	}
	return list, total, nil
}
