package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// ReadClaim reads a claim within a transaction or without; ok is false when
// nobody ever claimed key.
func ReadClaim(ctx context.Context, db bun.IDB, key string) (c Claim, ok bool, err error) {
	return claim(ctx, db, key)
}

// TakeOver grants a claim that another owner holds, or holds in doubt, with a
// new epoch. It is for the caller to have proof that the owner can act no
// more. [ErrConflict] when the claim has another epoch or state by now.
func (tx *Tx) TakeOver(ctx context.Context, old Claim, owner string, now, leaseUntil Millis) (Claim, error) {
	c := old
	c.State, c.Owner, c.Epoch, c.LeaseUntil, c.UpdatedAt = ClaimHeld, owner, old.Epoch+1, leaseUntil, now
	return c, tx.swapClaim(ctx, c, old.Epoch)
}

// Renew gives the holder of epoch a new lease.
func (tx *Tx) Renew(ctx context.Context, c Claim) error { return tx.swapClaim(ctx, c, c.Epoch) }

// swapClaim writes c over a claim that is held or in doubt with the epoch from.
func (tx *Tx) swapClaim(ctx context.Context, c Claim, from int64) error {
	res, err := tx.NewUpdate().Model(&c).WherePK().Where("epoch = ?", from).Where("state IN ('held', 'in_doubt')").Exec(ctx)
	if err == nil {
		var n int64
		if n, err = res.RowsAffected(); err == nil && n == 0 {
			err = ErrConflict
		}
	}
	if err != nil {
		return fmt.Errorf("claim %s: %w", c.Key, err)
	}
	return nil
}

// SettleRun makes tombstones of the claims that attempts of a run hold: the
// run has succeeded.
func (tx *Tx) SettleRun(ctx context.Context, runID int64, now Millis) error {
	_, err := tx.NewUpdate().Model((*Claim)(nil)).Set("state = ?", ClaimDone).Set("updated_at = ?", now).
		Where("owner >= ?", fmt.Sprintf("run:%d:", runID)).Where("owner < ?", fmt.Sprintf("run:%d;", runID)). // ";" follows ":"
		Where("state IN ('held', 'in_doubt')").Exec(ctx)
	if err != nil {
		return fmt.Errorf("settle claims of run %d: %w", runID, err)
	}
	return nil
}

// Refusal is an attempt of a run that was told to skip its work.
type Refusal struct {
	bun.BaseModel `bun:"table:claim_refusals"`

	RepoID   int64 `bun:",pk"`
	RunID    int64 `bun:",pk"`
	Attempt  int   `bun:",pk"`
	ClaimKey string
	Owner    string
	At       Millis
}

// AddRefusal records one, and says whether it is the first of this attempt.
func (tx *Tx) AddRefusal(ctx context.Context, r Refusal) (bool, error) {
	res, err := tx.NewInsert().Model(&r).On("CONFLICT DO NOTHING").Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("write refusal of run %d: %w", r.RunID, err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// ReadRefusal reads the refusal of an attempt; ok is false when it was told
// nothing of the kind.
func ReadRefusal(ctx context.Context, db bun.IDB, repoID, runID int64, attempt int) (r Refusal, ok bool, err error) {
	err = db.NewSelect().Model(&r).Where("repo_id = ?", repoID).Where("run_id = ?", runID).Where("attempt = ?", attempt).Scan(ctx)
	return found(r, err, "read refusal")
}

// StepOfRun is the try that started an attempt of a run; ok is false when none did.
func StepOfRun(ctx context.Context, db bun.IDB, repoID, runID int64, attempt int) (st Step, ok bool, err error) {
	err = db.NewSelect().Model(&st).Where("id = (SELECT step_id FROM children WHERE repo_id = ? AND run_id = ? AND attempt = ?)",
		repoID, runID, attempt).Scan(ctx)
	return found(st, err, "read step of run")
}

// RerunOf is the try that re-runs a run into the given attempt under the claim
// key, while its outcome is not written yet; ok is false when there is none.
func RerunOf(ctx context.Context, db bun.IDB, key string, runID int64, attempt int) (st Step, ok bool, err error) {
	err = db.NewSelect().Model(&st).Where("claim_key = ?", key).Where("kind = 'rerun'").Where("state = ?", StepIntent).
		Where("base_attempt = ?", attempt-1).
		Where("incident_id IN (SELECT id FROM incidents WHERE run_id = ?)", runID).OrderExpr("id DESC").Limit(1).Scan(ctx)
	return found(st, err, "read re-run")
}

// CountClaims counts the claims whose keys begin with a prefix: those that are
// not done, and all. prefix is not empty.
func CountClaims(ctx context.Context, db bun.IDB, prefix string) (open, all int, err error) {
	end := prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1)
	err = db.NewSelect().Model((*Claim)(nil)).ColumnExpr("count(*) FILTER (WHERE state <> ?), count(*)", ClaimDone).
		Where("key >= ?", prefix).Where("key < ?", end).Scan(ctx, &open, &all)
	if err != nil {
		return 0, 0, fmt.Errorf("count claims: %w", err)
	}
	return open, all, nil
}
