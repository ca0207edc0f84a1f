package api_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/store"
)

// TestHealthNamesTheUpstream: trouble of everybody has no repository.
func TestHealthNamesTheUpstream(t *testing.T) {
	b := newBench(t)
	err := b.store.Update(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		inc := store.Incident{OccurrenceKey: strings.Repeat("a", 64), WorkflowPath: "github-actions", Signal: "upstream", State: "failing", OpenedAt: 1, UpdatedAt: 1}
		_, err := tx.OpenIncident(ctx, &inc)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var h api.Health
	b.decode("/api/v1/health", &h)
	if !slices.Contains(h.Reasons, "GitHub Actions, which all repositories need: failing") {
		t.Errorf("reasons: %q", h.Reasons)
	}
}
