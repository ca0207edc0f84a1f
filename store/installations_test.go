package store

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/uptrace/bun"
)

var ignoreModel = cmpopts.IgnoreTypes(bun.BaseModel{})

func openForInstallations(t *testing.T) (*Store, func(func(ctx context.Context, tx *Tx) error)) {
	s, err := Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "r.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, func(f func(ctx context.Context, tx *Tx) error) {
		t.Helper()
		if err := s.Update(context.Background(), f); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInstallations(t *testing.T) {
	ctx := context.Background()
	s, update := openForInstallations(t)
	acme := Installation{ID: 7, Account: "acme", AccountType: "Organization", Selection: "all", State: InstallationActive, Permissions: `{"checks":"write"}`, UpdatedAt: 1}
	update(func(ctx context.Context, tx *Tx) error {
		_, known, err := SaveInstallation(ctx, tx, acme)
		if known {
			t.Error("known before it was saved")
		}
		return err
	})
	got, ok, err := s.Installation(ctx, 7)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if diff := cmp.Diff(acme, got, ignoreModel); diff != "" {
		t.Errorf("installation (-want +got):\n%s", diff)
	}
	if _, ok, err := s.Installation(ctx, 8); ok || err != nil {
		t.Errorf("unknown installation: %v, %v", ok, err)
	}

	renamed := acme
	renamed.Account, renamed.UpdatedAt = "Acme-Corp", 2
	update(func(ctx context.Context, tx *Tx) error {
		before, known, err := SaveInstallation(ctx, tx, renamed)
		if !known || before.Account != "acme" {
			t.Errorf("before: %v, known %v", before, known)
		}
		if _, _, err := SaveInstallation(ctx, tx, Installation{ID: 9, Account: "other", State: InstallationSuspended, UpdatedAt: 2}); err != nil {
			return err
		}
		return err
	})
	counts, err := s.InstallationCounts(ctx)
	if diff := cmp.Diff(map[InstallationState]int{InstallationActive: 1, InstallationSuspended: 1}, counts); err != nil || diff != "" {
		t.Errorf("counts, %v (-want +got):\n%s", err, diff)
	}
}

func TestSetInstallationState(t *testing.T) {
	ctx := context.Background()
	s, update := openForInstallations(t)
	update(func(ctx context.Context, tx *Tx) error {
		if _, _, err := SaveInstallation(ctx, tx, Installation{ID: 7, Account: "acme", State: InstallationActive, UpdatedAt: 1}); err != nil {
			return err
		}
		_, err := SaveRepositories(ctx, tx, []Repository{{ID: 1, InstallationID: 7, Owner: "acme", Name: "a", SeenAt: 1}, {ID: 2, InstallationID: 8, Owner: "b", Name: "b", SeenAt: 1}})
		return err
	})
	for _, step := range []struct {
		state   InstallationState
		id      int64
		changed bool
		covered int
	}{
		{InstallationActive, 7, false, 1},
		{InstallationSuspended, 7, true, 1},
		{InstallationSuspended, 7, false, 1},
		{InstallationDeleted, 7, true, 0},
		{InstallationDeleted, 99, false, 0},
	} {
		update(func(ctx context.Context, tx *Tx) error {
			changed, err := SetInstallationState(ctx, tx, step.id, step.state, 5)
			if changed != step.changed {
				t.Errorf("to %s: changed %v, want %v", step.state, changed, step.changed)
			}
			return err
		})
		if repos, err := s.Repositories(ctx, 7); err != nil || len(repos) != step.covered {
			t.Errorf("to %s: %d repositories, %v, want %d", step.state, len(repos), err, step.covered)
		}
	}
	if repos, err := s.Repositories(ctx, 8); err != nil || len(repos) != 1 {
		t.Errorf("another installation lost its repositories: %v, %v", repos, err)
	}
}

// Which changes of a repository make its configuration stale.
func TestSaveRepositoriesNamesTheStale(t *testing.T) {
	base := Repository{ID: 1, InstallationID: 7, Owner: "acme", Name: "site", DefaultBranch: "main", SeenAt: 1}
	with := func(change func(*Repository)) Repository { r := base; change(&r); return r }
	for name, tc := range map[string]struct {
		before *Repository
		now    Repository
		stale  bool
		branch string
	}{
		"new":                  {nil, base, true, "main"},
		"new and archived":     {nil, with(func(r *Repository) { r.Archived = true }), false, "main"},
		"the same":             {&base, base, false, "main"},
		"renamed":              {&base, with(func(r *Repository) { r.Name = "www" }), true, "main"}, // jobs about it carry the name
		"transferred":          {&base, with(func(r *Repository) { r.Owner, r.InstallationID = "other", 8 }), true, "main"},
		"another branch":       {&base, with(func(r *Repository) { r.DefaultBranch = "trunk" }), true, "trunk"},
		"branch not told":      {&base, with(func(r *Repository) { r.DefaultBranch = "" }), false, "main"},
		"branch now told":      {ptr(with(func(r *Repository) { r.DefaultBranch = "" })), base, true, "main"},
		"archived":             {&base, with(func(r *Repository) { r.Archived = true }), false, "main"},
		"unarchived":           {ptr(with(func(r *Repository) { r.Archived = true })), base, true, "main"},
		"covered again":        {ptr(with(func(r *Repository) { r.Removed = true })), base, true, "main"},
		"made private":         {&base, with(func(r *Repository) { r.Private = true }), false, "main"},
		"removed and archived": {ptr(with(func(r *Repository) { r.Removed = true })), with(func(r *Repository) { r.Archived = true }), false, "main"},
	} {
		t.Run(name, func(t *testing.T) {
			s, update := openForInstallations(t)
			if tc.before != nil {
				update(func(ctx context.Context, tx *Tx) error {
					_, err := SaveRepositories(ctx, tx, []Repository{*tc.before})
					return err
				})
			}
			update(func(ctx context.Context, tx *Tx) error {
				stale, err := SaveRepositories(ctx, tx, []Repository{tc.now})
				if (len(stale) == 1) != tc.stale {
					t.Errorf("stale: %v, want %v", stale, tc.stale)
				}
				return err
			})
			got, ok, err := s.Repository(context.Background(), 1)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			want := tc.now
			want.DefaultBranch = tc.branch
			if tc.before != nil && tc.before.DefaultBranch != "" && tc.before.DefaultBranch != tc.branch {
				want.FormerBranch, want.BranchSince = tc.before.DefaultBranch, tc.now.SeenAt
			}
			if diff := cmp.Diff(want, got, ignoreModel); diff != "" {
				t.Errorf("repository (-want +got):\n%s", diff)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestRepositoryByName(t *testing.T) {
	ctx := context.Background()
	s, update := openForInstallations(t)
	update(func(ctx context.Context, tx *Tx) error {
		_, err := SaveRepositories(ctx, tx, []Repository{
			{ID: 1, InstallationID: 7, Owner: "acme", Name: "site", SeenAt: 10}, // renamed away, not heard of yet
			{ID: 2, InstallationID: 7, Owner: "acme", Name: "site", SeenAt: 20}, // has the name now
			{ID: 3, InstallationID: 7, Owner: "acme", Name: "site", SeenAt: 30, Removed: true},
		})
		return err
	})
	for _, name := range []string{"site", "SITE"} {
		if r, ok, err := s.RepositoryByName(ctx, "Acme", name); err != nil || !ok || r.ID != 2 {
			t.Errorf("%s: %v, %v, %v, want id 2", name, r.ID, ok, err)
		}
	}
	if _, ok, err := s.RepositoryByName(ctx, "acme", "other"); ok || err != nil {
		t.Errorf("unknown name: %v, %v", ok, err)
	}
}

func TestRemoveRepositories(t *testing.T) {
	ctx := context.Background()
	s, update := openForInstallations(t)
	const n = 2*repositoryChunk + 1 // three statements
	var all []Repository
	for i := range int64(n) {
		all = append(all, Repository{ID: i + 1, InstallationID: 7, Owner: "acme", Name: string(rune('a' + i)), SeenAt: 1})
	}
	update(func(ctx context.Context, tx *Tx) error {
		stale, err := SaveRepositories(ctx, tx, all)
		if len(stale) != n {
			t.Errorf("%d stale, want %d", len(stale), n)
		}
		return err
	})
	update(func(ctx context.Context, tx *Tx) error { return RemoveRepositories(ctx, tx, 8, []int64{1}) }) // not theirs
	update(func(ctx context.Context, tx *Tx) error { return RemoveRepositories(ctx, tx, 7, []int64{2}) })
	if repos, err := s.Repositories(ctx, 7); err != nil || len(repos) != n-1 {
		t.Errorf("%d repositories, %v, want %d", len(repos), err, n-1)
	}
	update(func(ctx context.Context, tx *Tx) error {
		all[0].SeenAt = 2
		if _, err := SaveRepositories(ctx, tx, all[:1]); err != nil {
			return err
		}
		gone, err := RemoveUnseenRepositories(ctx, tx, 7, 2)
		if gone != n-2 {
			t.Errorf("removed %d, want %d", gone, n-2)
		}
		return err
	})
	if repos, err := s.Repositories(ctx, 7); err != nil || len(repos) != 1 || repos[0].ID != 1 {
		t.Errorf("left: %v, %v", repos, err)
	}
}

// 0 asks for what may be acted upon.
func TestRepositoriesOfActiveInstallations(t *testing.T) {
	s, update := openForInstallations(t)
	update(func(ctx context.Context, tx *Tx) error {
		for id, state := range map[int64]InstallationState{1: InstallationActive, 2: InstallationSuspended, 3: InstallationDeleted} {
			if _, _, err := SaveInstallation(ctx, tx, Installation{ID: id, State: state, UpdatedAt: 1}); err != nil {
				return err
			}
			if _, err := SaveRepositories(ctx, tx, []Repository{{ID: id, InstallationID: id, Owner: "o", Name: "n", SeenAt: 1}}); err != nil {
				return err
			}
		}
		return nil
	})
	repos, err := s.Repositories(context.Background(), 0)
	if err != nil || len(repos) != 1 || repos[0].ID != 1 {
		t.Errorf("got %v, %v, want repository 1 alone", repos, err)
	}
}
