package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
)

// An upstream incident for which nobody waits ends when nothing has failed for
// the longest pause, also when no run comes that would show it, or those of one
// workflow only; and says which of the two it was.
func TestUpstreamIncidentThatNobodyWaitsFor(t *testing.T) {
	for name, tc := range map[string]struct {
		runs bool // of one workflow, which begin
		says string
	}{
		"silence":      {false, "nobody waits for GitHub Actions any more"},
		"one workflow": {true, "GitHub Actions works again"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 4, config.Workflow{Effect: config.Idempotent})
			f.share = 1
			for _, r := range f.repos {
				f.start(r, primaryPath)
			}
			f.turn(time.Minute)
			var up Incident
			list, err := f.engine.Incidents(f.ctx, Filter{})
			if err != nil {
				t.Fatal(err)
			}
			for _, inc := range list {
				if inc.Signal == Upstream {
					up = inc
				}
			}
			if up.ID == 0 {
				t.Fatalf("no upstream incident among %d", len(list))
			}
			f.share = 0
			for range 6 {
				f.wantState(f.incident(up.ID), Failing)
				if tc.runs {
					f.start(f.repos[0], primaryPath)
				}
				f.turn(10 * time.Minute)
			}
			f.turn(time.Hour)
			up = f.incident(up.ID)
			if up.State != Healthy || !strings.Contains(up.Reason, tc.says) {
				t.Errorf("%s: %s", up.State, up.Reason)
			}
		})
	}
}
