package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// KeepWatch is how long an ended watch is kept, for a configuration or a
// workflow file that is taken away and put back.
const KeepWatch = time.Hour

// FormerWatch is a watch that ended lately.
type FormerWatch struct {
	bun.BaseModel `bun:"table:former_watches"`

	RepoID       int64  `bun:",pk"`
	WorkflowPath string `bun:",pk"`
	Watch        string // JSON of [Watch]
	EndedAt      Millis
}

// EndWatch ends a watch and keeps it for [KeepWatch].
func (tx *Tx) EndWatch(ctx context.Context, w Watch, now Millis) error {
	doc, err := json.Marshal(w) //nolint:musttag // ours alone, for an hour
	if err != nil {
		return fmt.Errorf("write ended watch of %s: %w", w.WorkflowPath, err)
	}
	f := &FormerWatch{RepoID: w.RepoID, WorkflowPath: w.WorkflowPath, Watch: string(doc), EndedAt: now}
	_, err = tx.NewInsert().Model(f).On("CONFLICT (repo_id, workflow_path) DO UPDATE").
		Set("watch = EXCLUDED.watch, ended_at = EXCLUDED.ended_at").Exec(ctx)
	if err == nil {
		_, err = tx.NewDelete().Model((*FormerWatch)(nil)).Where("ended_at < ?", now-Millis(KeepWatch.Milliseconds())).Exec(ctx)
	}
	if err != nil {
		return fmt.Errorf("write ended watch of %s: %w", w.WorkflowPath, err)
	}
	return tx.DeleteWatch(ctx, w.RepoID, w.WorkflowPath)
}

// EndedWatch is a watch that ended at or after a moment, and when; at is 0 when
// there is none.
func EndedWatch(ctx context.Context, db bun.IDB, repoID int64, path string, since Millis) (w Watch, at Millis, err error) {
	var f FormerWatch
	err = db.NewSelect().Model(&f).Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Where("ended_at >= ?", since).Scan(ctx)
	f, ok, err := found(f, err, "read ended watch")
	if err != nil || !ok {
		return w, 0, err
	}
	if err := json.Unmarshal([]byte(f.Watch), &w); err != nil { //nolint:musttag // as it was written
		return w, 0, fmt.Errorf("read ended watch of %s: %w", path, err)
	}
	return w, f.EndedAt, nil
}
