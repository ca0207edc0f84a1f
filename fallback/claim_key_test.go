package fallback

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/config"
)

func TestARunThatIsNotKnownIsLookedUp(t *testing.T) {
	b := newKnownBench(t, config.Workflow{})
	x := b.begun("push")
	b.wantGrant(b.guard(x), true, 1, fmt.Sprintf("run:%d:1", x.ID))
	for name, tc := range map[string]struct {
		key  string
		repo int64
		want error
	}{
		"no such run":               {fmt.Sprintf("run-%d-123", b.repo.ID), 0, ErrClaimRun},
		"no such repository":        {fmt.Sprintf("run-4-%d", x.ID), 0, ErrClaimRun},
		"another repository's":      {b.runKey(x), b.repo.ID + 1, ErrClaimForeign},
		"no key":                    {"", 0, ErrClaimKey},
		"a slash":                   {"a/b", 0, ErrClaimKey},
		"own key, guard token":      {"run-1", b.repo.ID, ErrClaimForeign},
		"foreign key, guard token":  {strings.Repeat("a", 64), b.repo.ID, ErrClaimForeign},
		"a number beyond all limit": {"run-1-" + strings.Repeat("9", 19), b.repo.ID, ErrClaimForeign},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := b.engine.Claim(b.ctx, ClaimRequest{Key: tc.key, RepoID: tc.repo}); !errors.Is(err, tc.want) {
				t.Errorf("%v, want %v", err, tc.want)
			}
		})
	}
}

func FuzzClaimKey(f *testing.F) {
	for _, seed := range []string{"run-1-2", "run--1", "deploy:1", strings.Repeat("a", 64), "run-9-" + strings.Repeat("9", 18), "\x00", "run:1:1"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, key, owner string) {
		if id, attempt, ok := ownerRun(owner); ok && runOwner(id, attempt) != owner {
			t.Errorf("owner %q is read as %d, %d", owner, id, attempt)
		}
		r := ClaimRequest{Key: key, Owner: owner}
		if r.check() == nil && isIncident(owner) {
			t.Errorf("owner %q got through", owner)
		}
		if m := claimRunForm.FindStringSubmatch(key); m != nil && !claimKeyForm.MatchString(key) {
			t.Errorf("key %q", key)
		}
	})
}
