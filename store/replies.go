package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Command is one command line of a comment and what came of it.
type Command struct {
	bun.BaseModel `bun:"table:commands"`

	RepoID     int64  `bun:",pk"`
	CommentID  int64  `bun:",pk"`
	Position   int    `bun:",pk"` // within the comment, from 0
	Number     int    // of the issue or pull request
	Author     string // login
	Line       string // as written
	Outcome    string
	Answer     string // Markdown
	IncidentID int64  // whose state the answer reports; 0 for none
	At         Millis
}

// Reply is the comment of a thread in which its answers stand.
type Reply struct {
	bun.BaseModel `bun:"table:replies"`

	RepoID         int64 `bun:",pk"`
	Number         int   `bun:",pk"`
	InstallationID int64
	Owner          string
	Repo           string
	CommentID      int64
	Digest         string // of the body that GitHub has
	UpdatedAt      Millis
}

// AddCommand records a command. The first record of a line stays.
func (tx *Tx) AddCommand(ctx context.Context, c Command) error {
	if _, err := tx.NewInsert().Model(&c).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
		return fmt.Errorf("write command: %w", err)
	}
	return nil
}

// CommandsOf lists what is recorded of one comment, in the order of its lines.
func (s *Store) CommandsOf(ctx context.Context, repoID, commentID int64) ([]Command, error) {
	var list []Command
	err := s.read.NewSelect().Model(&list).Where("repo_id = ?", repoID).Where("comment_id = ?", commentID).
		OrderExpr("position").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read commands of comment %d: %w", commentID, err)
	}
	return list, nil
}

// CommandsIn lists the newest commands of a thread, those of the newest
// comment first, each comment's in the order of its lines.
func (s *Store) CommandsIn(ctx context.Context, repoID int64, number int, limit int64) ([]Command, error) {
	var list []Command
	err := s.read.NewSelect().Model(&list).Where("repo_id = ?", repoID).Where("number = ?", number).
		OrderExpr("comment_id DESC, position").Limit(limit).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read commands of thread %d: %w", number, err)
	}
	return list, nil
}

// Reply reads the comment of a thread; ok is false when there is none yet.
func (s *Store) Reply(ctx context.Context, repoID int64, number int) (r Reply, ok bool, err error) {
	err = s.read.NewSelect().Model(&r).Where("repo_id = ?", repoID).Where("number = ?", number).Scan(ctx)
	return found(r, err, "read reply")
}

// RepliesOn lists the comments that report on an incident.
func (s *Store) RepliesOn(ctx context.Context, incidentID int64) ([]Reply, error) {
	var list []Reply
	err := s.read.NewSelect().Model(&list).
		Where("EXISTS (SELECT 1 FROM commands AS c WHERE c.incident_id = ? AND c.repo_id = reply.repo_id AND c.number = reply.number)", incidentID).
		OrderExpr("repo_id, number").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read replies on incident %d: %w", incidentID, err)
	}
	return list, nil
}

// SaveReply remembers the comment of a thread.
func (tx *Tx) SaveReply(ctx context.Context, r Reply) error {
	_, err := tx.NewInsert().Model(&r).On("CONFLICT (repo_id, number) DO UPDATE").
		Set("installation_id = EXCLUDED.installation_id").Set("owner = EXCLUDED.owner").Set("repo = EXCLUDED.repo").
		Set("comment_id = EXCLUDED.comment_id").Set("digest = EXCLUDED.digest").Set("updated_at = EXCLUDED.updated_at").
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("write reply: %w", err)
	}
	return nil
}

// keepReplies is how long an answer can still change or be answered to. A
// comment that was forgotten is found again by its marker.
const keepReplies = 90 * 24 * time.Hour

// PruneReplies forgets commands and comments that are older than 90 days.
func (tx *Tx) PruneReplies(ctx context.Context, now time.Time) error {
	before := MillisOf(now.Add(-keepReplies))
	if _, err := tx.NewDelete().Model((*Command)(nil)).Where("at < ?", before).Exec(ctx); err != nil {
		return fmt.Errorf("prune commands: %w", err)
	}
	if _, err := tx.NewDelete().Model((*Reply)(nil)).Where("updated_at < ?", before).Exec(ctx); err != nil {
		return fmt.Errorf("prune replies: %w", err)
	}
	return nil
}
