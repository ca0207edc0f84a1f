package store

import (
	"context"
	"testing"
)

func TestAppSlug(t *testing.T) {
	s, update := openForInstallations(t)
	for _, step := range []struct {
		app        int64
		save, want string
	}{{1, "", ""}, {1, "redundancy", "redundancy"}, {1, "renamed", "renamed"}, {2, "", ""}} {
		if step.save != "" {
			update(func(ctx context.Context, tx *Tx) error { return tx.SaveAppSlug(ctx, step.app, step.save) })
		}
		if got, err := s.AppSlug(t.Context(), step.app); err != nil || got != step.want {
			t.Errorf("slug of app %d: %q, %v; want %q", step.app, got, err, step.want)
		}
	}
}

// A list that was begun before a webhook knows less than it.
func TestOlderListDoesNotTakeANameBack(t *testing.T) {
	s, update := openForInstallations(t)
	row := Repository{ID: 1, InstallationID: 7, Owner: "acme", Name: "site", DefaultBranch: "main", ChangedAt: 1000, SeenAt: 1}
	save := func(r Repository) {
		update(func(ctx context.Context, tx *Tx) error {
			_, err := SaveRepositories(ctx, tx, []Repository{r})
			return err
		})
	}
	save(row)
	told := row
	told.Name, told.DefaultBranch, told.ChangedAt, told.SeenAt = "www", "trunk", 3000, 2
	update(func(ctx context.Context, tx *Tx) error {
		changed, err := SaveRepositoryFacts(ctx, tx, told)
		if !changed {
			t.Error("the webhook's facts changed nothing")
		}
		return err
	})
	for _, step := range []struct {
		changed Millis
		name    string
	}{{2000, "www"}, {3000, "again"}, {0, "unordered"}} {
		list := row
		list.Name, list.ChangedAt, list.Private = step.name, step.changed, true
		if step.changed == 2000 {
			list.Name = "site"
		}
		save(list)
		got, _, err := s.Repository(t.Context(), 1)
		if err != nil || got.Name != step.name || !got.Private {
			t.Errorf("after a list of %d: %+v, %v; want %s", step.changed, got, err, step.name)
		}
	}
}
