package api_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/store"
)

// add writes incidents of acme/site, or of nobody, next to the one that the bench has.
func (b *bench) add(list ...store.Incident) {
	b.t.Helper()
	err := b.store.Update(b.t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for i, inc := range list {
			inc.OccurrenceKey, inc.OpenedAt, inc.UpdatedAt = strings.Repeat(fmt.Sprint(i), 64), 1, 1
			if inc.Signal != "upstream" {
				inc.RepoID, inc.Owner, inc.Repo = 9, "acme", "site"
			}
			if _, err := tx.OpenIncident(ctx, &inc); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// An outage stands for its parts in lists while it lasts. Health is for what is
// open, whatever it is part of.
func TestPartsOfOutagesCount(t *testing.T) {
	for name, tt := range map[string]struct {
		outage      store.Incident
		open, lists int
	}{
		"while it lasts":  {store.Incident{ID: 100, Signal: "upstream", WorkflowPath: "github-actions", State: "failing"}, 3, 1},
		"once it is over": {store.Incident{ID: 100, Signal: "upstream", WorkflowPath: "github-actions", State: "healthy", SettledAt: 2}, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t) // with one exhausted incident
			b.add(tt.outage, store.Incident{Signal: "failed", WorkflowPath: ".github/workflows/a.yml", State: "exhausted", UpstreamID: 100})
			var h api.Health
			b.decode("/api/v1/health", &h)
			if len(h.Open) != tt.open || len(h.Reasons) != tt.open || h.Healthy {
				t.Errorf("health: %d open, want %d; reasons %q", len(h.Open), tt.open, h.Reasons)
			}
			var list api.IncidentList
			b.decode("/api/v1/incidents?state=exhausted", &list)
			if len(list.Incidents) != tt.lists {
				t.Errorf("%d exhausted incidents are listed, want %d", len(list.Incidents), tt.lists)
			}
		})
	}
}

func TestWhatMakesNothingUnhealthyIsShown(t *testing.T) {
	b := newBench(t)
	var before, after api.Health
	b.decode("/api/v1/health", &before)
	b.add(
		store.Incident{Signal: "missed", WorkflowPath: ".github/workflows/late.yml", State: "suspected"},
		store.Incident{Signal: "disabled", Conclusion: "disabled_manually", WorkflowPath: ".github/workflows/off.yml", State: "exhausted"},
		store.Incident{Signal: "disabled", Conclusion: "disabled_inactivity", WorkflowPath: ".github/workflows/idle.yml", State: "exhausted"},
		store.Incident{Signal: "disabled", Conclusion: "disabled_manually", WorkflowPath: ".github/workflows/asked.yml", State: "exhausted", Actor: "mona"},
	)
	if got := b.do("POST", "/api/v1/pause", token, `{"reason": "database move"}`); got.status != 200 {
		t.Fatalf("pause: %d %s", got.status, got.body)
	}
	b.decode("/api/v1/health", &after)
	paths := func(list []fallback.Incident) (names []string) {
		for _, inc := range list {
			names = append(names, inc.Workflow)
		}
		return names
	}
	if got := fmt.Sprint(paths(after.Suspected), paths(after.Off)); got != "[.github/workflows/late.yml] [.github/workflows/off.yml]" {
		t.Errorf("beside: %s", got)
	}
	if len(after.Open) != len(before.Open)+2 || len(after.Reasons) != len(before.Reasons)+2 {
		t.Errorf("open: %q, reasons: %q", paths(after.Open), after.Reasons)
	}
	if len(before.Paused) != 0 || len(after.Paused) != 1 || after.Paused[0].Reason != "database move" {
		t.Errorf("paused: %+v", after.Paused)
	}
}
