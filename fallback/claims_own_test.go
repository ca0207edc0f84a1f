package fallback

import (
	"errors"
	"fmt"
	"testing"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// The claims that a repository opens for itself are bounded.
func TestOwnClaimsAreBounded(t *testing.T) {
	b := newKnownBench(t, config.Workflow{})
	fill := func(state store.ClaimState, key string, n int) {
		t.Helper()
		err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
			_, err := tx.NewRaw("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"+
				" INSERT INTO claims (key, state, owner, epoch, lease_until, updated_at) SELECT ? || i, ?, 'x', 1, 0, 0 FROM n", n, key, state).Exec(ctx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ask := func(key string, r ClaimRequest) error {
		t.Helper()
		r.Key, r.RepoID = fmt.Sprintf("repo-%d-%s", b.repo.ID, key), b.repo.ID
		if r.Owner == "" {
			r.Owner = "me"
		}
		got, err := b.engine.Claim(b.ctx, r)
		if err == nil && !got.Granted {
			t.Errorf("%s: %s", key, got.Why)
		}
		return err
	}
	fill(store.ClaimHeld, fmt.Sprintf("repo-%d1-", b.repo.ID), maxOpenClaims) // another repository's
	fill(store.ClaimInDoubt, fmt.Sprintf("repo-%d-a", b.repo.ID), maxOpenClaims-1)
	if err := ask("last", ClaimRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := ask("more", ClaimRequest{}); !errors.Is(err, ErrClaimTooMany) {
		t.Errorf("one too many: %v", err)
	}
	if err := errors.Join(ask("last", ClaimRequest{}), ask("last", ClaimRequest{Epoch: 1, State: store.ClaimDone})); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	if err := ask("more", ClaimRequest{}); err != nil {
		t.Errorf("after one was done: %v", err)
	}
	if err := ask("more", ClaimRequest{Epoch: 1, State: store.ClaimDone}); err != nil {
		t.Fatal(err)
	}
	fill(store.ClaimDone, fmt.Sprintf("repo-%d-b", b.repo.ID), maxOwnClaims-maxOpenClaims-2)
	if err := ask("one-more", ClaimRequest{}); err != nil {
		t.Errorf("below the bound of all: %v", err)
	}
	if err := ask("too-many", ClaimRequest{}); !errors.Is(err, ErrClaimTooMany) {
		t.Errorf("above the bound of all: %v", err)
	}
}
