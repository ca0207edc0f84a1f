package store

import (
	"context"
	"slices"
	"testing"
)

// TestFormerDefaultBranch: both ways to save a repository remember which
// branch was the default one, and until when.
func TestFormerDefaultBranch(t *testing.T) {
	base := Repository{ID: 1, InstallationID: 7, Owner: "acme", Name: "site", DefaultBranch: "main", ChangedAt: 1000, SeenAt: 5000}
	with := func(branch string, changed, seen Millis) Repository {
		r := base
		r.DefaultBranch, r.ChangedAt, r.SeenAt = branch, changed, seen
		return r
	}
	for how, save := range map[string]func(context.Context, *Tx, Repository) error{
		"listed": func(ctx context.Context, tx *Tx, r Repository) error {
			_, err := SaveRepositories(ctx, tx, []Repository{r})
			return err
		},
		"told": func(ctx context.Context, tx *Tx, r Repository) error {
			_, err := SaveRepositoryFacts(ctx, tx, r)
			return err
		},
	} {
		t.Run(how, func(t *testing.T) {
			s, update := openForInstallations(t)
			update(func(ctx context.Context, tx *Tx) error {
				_, err := SaveRepositories(ctx, tx, []Repository{base})
				return err
			})
			for _, step := range []struct {
				now    Repository
				former string
				since  Millis
			}{
				{with("main", 2000, 6000), "", 0},
				{with("trunk", 9000, 9500), "main", 9000},
				{with("", 9000, 9600), "main", 9000},       // not told
				{with("main", 8000, 9700), "main", 9000},   // late news
				{with("trunk", 12000, 9800), "main", 9000}, // no news
				{with("dev", 0, 13000), "trunk", 13000},    // without GitHub's moment
			} {
				update(func(ctx context.Context, tx *Tx) error { return save(ctx, tx, step.now) })
				got, _, err := s.Repository(t.Context(), 1)
				if err != nil || got.FormerBranch != step.former || got.BranchSince != step.since {
					t.Errorf("after %q: former %q since %d (%v), want %q since %d", step.now.DefaultBranch, got.FormerBranch, got.BranchSince, err, step.former, step.since)
				}
			}
		})
	}
}

func TestOfDefault(t *testing.T) {
	r := Repository{DefaultBranch: "trunk", FormerBranch: "main", BranchSince: 9000}
	for name, tc := range map[string]struct {
		branch  string
		created Millis
		want    bool
		heir    string
	}{
		"the default one":             {"trunk", 9001, true, ""},
		"before it was that":          {"trunk", 1, true, ""},
		"the former one":              {"main", 8999, true, "trunk"},
		"the former one, at the time": {"main", 9000, false, ""},
		"another one":                 {"topic", 1, false, ""},
		"none":                        {"", 1, false, ""},
	} {
		if got := r.OfDefault(tc.branch, tc.created); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := r.TookOver(&Incident{HeadBranch: tc.branch, RunCreatedAt: tc.created}); got != tc.heir {
			t.Errorf("%s: taken over by %q, want %q", name, got, tc.heir)
		}
	}
	if (Repository{DefaultBranch: "main"}).OfDefault("", 0) {
		t.Error("a run without a branch is of the former one that there never was")
	}
}

// TestOwedOnTheFormerBranch: the end of a run that was of the default branch
// when it was created is owed its consequences after the branch has changed.
func TestOwedOnTheFormerBranch(t *testing.T) {
	s, update := openForInstallations(t)
	update(func(ctx context.Context, tx *Tx) error {
		for i, r := range []struct {
			branch  string
			created Millis
		}{{"main", 8999}, {"main", 9000}, {"topic", 1000}, {"trunk", 9001}} {
			_, err := tx.SaveRun(ctx, WorkflowRun{
				RepoID: 1, RunID: int64(i + 1), Attempt: 1, WorkflowPath: "w.yml", Event: "push", HeadBranch: r.branch,
				Status: "completed", Conclusion: "failure", CreatedAt: r.created, UpdatedAt: 9500,
			})
			if err != nil {
				return err
			}
		}
		_, err := tx.NewInsert().Model(&Watch{RepoID: 1, WorkflowPath: "w.yml", Facts: "{}"}).Exec(ctx)
		return err
	})
	ids, err := s.OwedRuns(t.Context(), Repository{ID: 1, DefaultBranch: "trunk", FormerBranch: "main", BranchSince: 9000}, 0, 0, 10)
	slices.Sort(ids)
	if err != nil || !slices.Equal(ids, []int64{1, 4}) {
		t.Errorf("owed %v (%v), want 1 and 4", ids, err)
	}
}
