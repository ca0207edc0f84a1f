package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// ClaimState is the state of a claim.
type ClaimState string

// The states of a claim.
const (
	ClaimFree    ClaimState = "free"
	ClaimHeld    ClaimState = "held"
	ClaimDone    ClaimState = "done"     // a tombstone: the work of this occurrence is done
	ClaimInDoubt ClaimState = "in_doubt" // the owner's outcome is unknown; only a person frees it
)

// Claim is the right to act on one occurrence.
type Claim struct {
	bun.BaseModel `bun:"table:claims"`

	Key        string `bun:",pk"`
	State      ClaimState
	Owner      string
	Epoch      int64
	LeaseUntil Millis
	UpdatedAt  Millis
}

// Acquire grants the claim to owner when it is free or was never made, with a
// new epoch. Otherwise ok is false and the claim as it stands is returned. A
// lease that has run out does not free a claim: its owner may have acted and
// died, so it becomes in_doubt.
func (tx *Tx) Acquire(ctx context.Context, key, owner string, now, leaseUntil Millis) (c Claim, ok bool, err error) {
	c, known, err := claim(ctx, tx, key)
	if err != nil {
		return Claim{}, false, err
	}
	switch {
	case !known || c.State == ClaimFree:
		c = Claim{Key: key, State: ClaimHeld, Owner: owner, Epoch: c.Epoch + 1, LeaseUntil: leaseUntil, UpdatedAt: now}
	case c.State == ClaimHeld && c.LeaseUntil < now:
		c.State, c.UpdatedAt = ClaimInDoubt, now
	default:
		return c, false, nil
	}
	_, err = tx.NewInsert().Model(&c).On("CONFLICT (key) DO UPDATE").
		Set("state = EXCLUDED.state, owner = EXCLUDED.owner, epoch = EXCLUDED.epoch").
		Set("lease_until = EXCLUDED.lease_until, updated_at = EXCLUDED.updated_at").Exec(ctx)
	if err != nil {
		return Claim{}, false, fmt.Errorf("claim %s: %w", key, err)
	}
	return c, c.State == ClaimHeld, nil
}

// SetClaim moves the claim to state on behalf of the holder of epoch. A holder
// whose epoch is not the newest any more is refused with [ErrConflict].
func (tx *Tx) SetClaim(ctx context.Context, key string, epoch int64, state ClaimState, now Millis) error {
	res, err := tx.NewUpdate().Model((*Claim)(nil)).Set("state = ?", state).Set("updated_at = ?", now).
		Where("key = ?", key).Where("epoch = ?", epoch).Exec(ctx)
	if err == nil {
		var n int64
		if n, err = res.RowsAffected(); err == nil && n == 0 {
			err = ErrConflict
		}
	}
	if err != nil {
		return fmt.Errorf("release claim %s: %w", key, err)
	}
	return nil
}

// SettleClaim makes the tombstone of an occurrence whose work was done without
// a step of ours: the primary itself got there.
func (tx *Tx) SettleClaim(ctx context.Context, key, owner string, now Millis) error {
	c := Claim{Key: key, State: ClaimDone, Owner: owner, UpdatedAt: now}
	_, err := tx.NewInsert().Model(&c).On("CONFLICT (key) DO UPDATE").
		Set("state = EXCLUDED.state, owner = EXCLUDED.owner, updated_at = EXCLUDED.updated_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("settle claim %s: %w", key, err)
	}
	return nil
}

// FreeClaim frees a claim whatever its state, because a person decided so. The
// next grant has a higher epoch.
func (tx *Tx) FreeClaim(ctx context.Context, key string, now Millis) error {
	_, err := tx.NewUpdate().Model((*Claim)(nil)).Set("state = ?", ClaimFree).Set("updated_at = ?", now).Where("key = ?", key).Exec(ctx)
	if err != nil {
		return fmt.Errorf("free claim %s: %w", key, err)
	}
	return nil
}

// Claim reads a claim; ok is false when nobody ever claimed key.
func (s *Store) Claim(ctx context.Context, key string) (c Claim, ok bool, err error) {
	return claim(ctx, s.read, key)
}

func claim(ctx context.Context, db bun.IDB, key string) (c Claim, ok bool, err error) {
	err = db.NewSelect().Model(&c).Where("key = ?", key).Scan(ctx)
	return found(c, err, "read claim")
}
