package handlers

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// TestFactsOfTheRepositoryAreKept: what an event says of its repository counts
// at once, also when the event itself does not concern us, and old news do not.
func TestFactsOfTheRepositoryAreKept(t *testing.T) {
	known := store.Repository{ID: 42, InstallationID: 7, Owner: "acme", Name: "site", DefaultBranch: "main", ChangedAt: 1_700_000_000_000, SeenAt: 1}
	ignored := fields{"action": "dreamt"}
	at := func(v any) fields { return but(ignored, fields{"repository.updated_at": v}) }
	renamed := fields{"repository.name": "www", "repository.full_name": "acme/www"}
	trunk := fields{"repository.default_branch": "trunk"}
	now := at("2023-11-14T22:13:20Z") // the moment of known
	www, empty := queue.Repo{InstallationID: 7, ID: 42, Owner: "acme", Name: "www"}, []queue.Item(nil)
	for name, tc := range map[string]struct {
		before *store.Repository
		fields fields
		name   string
		branch string
		want   []queue.Item
	}{
		"the same":                   {&known, now, "site", "main", empty},
		"renamed":                    {&known, but(now, renamed), "www", "main", []queue.Item{load(www)}},
		"another default branch":     {&known, but(now, trunk), "site", "trunk", []queue.Item{load(site)}},
		"default branch not told":    {&known, but(now, fields{"repository.default_branch": nil}), "site", "main", empty},
		"renamed, a moment later":    {&known, but(at("2023-11-14T22:13:21Z"), renamed), "www", "main", []queue.Item{load(www)}},
		"an old delivery once more":  {&known, but(at("2023-11-14T22:13:19Z"), renamed), "site", "main", empty},
		"old, in seconds":            {&known, but(at(1_699_999_999), renamed), "site", "main", empty},
		"new, in seconds":            {&known, but(at(1_700_000_001), renamed), "www", "main", []queue.Item{load(www)}},
		"moment of a wrong type":     {&known, but(at([]any{1}), renamed), "www", "main", []queue.Item{load(www)}},
		"no moment":                  {&known, but(at(nil), renamed), "www", "main", []queue.Item{load(www)}},
		"no longer covered":          {ptr(known, func(r *store.Repository) { r.Removed = true }), but(now, renamed), "site", "main", empty},
		"never listed":               {nil, but(now, renamed), "", "", empty},
		"without a name":             {&known, but(now, fields{"repository.full_name": "", "repository.name": ""}), "site", "main", empty},
		"without an installation":    {&known, but(now, but(renamed, fields{"installation": nil})), "site", "main", empty},
		"of another installation":    {ptr(known, func(r *store.Repository) { r.InstallationID = 6 }), now, "site", "main", []queue.Item{load(site)}},
		"with work for us at a time": {&known, but(fields{"action": "completed", "repository.updated_at": "2023-11-14T22:13:20Z"}, but(renamed, failedRun)), "www", "main", []queue.Item{load(www), queue.ObserveRun{Repo: www, RunID: 900, DeliveryID: "guid-1"}.Item()}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.runs.watched[watchedPath] = true
			if tc.before != nil {
				b.write(t, func(ctx context.Context, tx *store.Tx) error {
					_, err := store.SaveRepositories(ctx, tx, []store.Repository{*tc.before})
					return err
				})
			}
			payload := example(t, "workflow_run", addressed, tc.fields)
			if diff := cmp.Diff(tc.want, b.send(t, "workflow_run", payload)); diff != "" {
				t.Errorf("enqueued (-want +got):\n%s", diff)
			}
			got, _, err := b.store.Repository(t.Context(), 42)
			if err != nil || got.Name != tc.name || got.DefaultBranch != tc.branch {
				t.Errorf("known as %q with %q (%v), want %q with %q", got.Name, got.DefaultBranch, err, tc.name, tc.branch)
			}
			for _, item := range b.send(t, "workflow_run", payload) {
				if item.Args.Kind() == (queue.LoadConfig{}).Kind() {
					t.Error("the same news a second time")
				}
			}
		})
	}
}

// TestFactsGoBackAndForth: the shortcut for events that repeat themselves must
// not hide a change back.
func TestFactsGoBackAndForth(t *testing.T) {
	b := newBench(t)
	b.write(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := store.SaveRepositories(ctx, tx, []store.Repository{{ID: 42, InstallationID: 7, Owner: "acme", Name: "site", DefaultBranch: "main"}})
		return err
	})
	for _, branch := range []string{"main", "main", "trunk", "trunk", "main", "trunk"} {
		b.send(t, "workflow_run", example(t, "workflow_run", addressed, fields{"action": "dreamt", "repository.default_branch": branch}))
		if got, _, err := b.store.Repository(t.Context(), 42); err != nil || got.DefaultBranch != branch {
			t.Fatalf("default branch %q (%v), want %q", got.DefaultBranch, err, branch)
		}
	}
}

func FuzzMoment(f *testing.F) {
	for _, s := range []string{`"2023-11-14T22:13:20Z"`, `1700000000`, `null`, `{}`, `-1`, `1e400`, `"x"`, `9999999999999`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m := moment(json.RawMessage(raw)); m != 0 && m.Time().IsZero() {
			t.Errorf("%q is %d", raw, m)
		}
	})
}

func ptr(r store.Repository, change func(*store.Repository)) *store.Repository {
	change(&r)
	return &r
}
