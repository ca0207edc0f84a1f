package history

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// A list that was not read to its end must not pass for read: nothing that its
// first page has shown may be lost, and no later answer "unchanged" hide it.
func TestScanThatEndsHalfWay(t *testing.T) {
	const one = "actions/list-workflow-runs"
	bad := func(f githubtest.Fault) githubtest.Fault { f.Kind, f.Code = githubtest.Status, 502; return f }
	for name, tc := range map[string]struct {
		noise int
		fault githubtest.Fault
	}{
		"complete":                         {noise: 2*runs.PerPage - 50},
		"the second page fails":            {2*runs.PerPage - 50, bad(githubtest.Fault{Operation: listAll, Skip: 1})},
		"the second page fails for long":   {2*runs.PerPage - 50, bad(githubtest.Fault{Operation: listAll, Skip: 1, Times: 3})},
		"the second page is refused":       {2*runs.PerPage - 50, githubtest.Fault{Operation: listAll, Skip: 1, Kind: githubtest.Status, Code: 403}},
		"the limit is reached in between":  {2*runs.PerPage - 50, githubtest.Fault{Operation: listAll, Skip: 1, Kind: githubtest.Secondary, RetryAfter: 2 * time.Minute}},
		"the list of one workflow fails":   {maxPages * runs.PerPage, bad(githubtest.Fault{Operation: one})},
		"the list of one workflow is late": {maxPages * runs.PerPage, githubtest.Fault{Operation: one, Kind: githubtest.Secondary, RetryAfter: 2 * time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			b := watching(t, githubtest.Config{})
			x := b.run(pushed, "push", "failure")
			for range tc.noise {
				b.run2(other)
			}
			if tc.fault.Operation != "" {
				b.gh.Fault(tc.fault)
			}
			before, etag := b.scan().ScannedAt, b.scan().ETag
			var found []int64
			for end := b.clock.Now().Add(6 * time.Hour); len(found) == 0 && b.clock.Now().Before(end); {
				found = observed(b.pass(time.Minute))
				if s := b.scan(); s.ScannedAt == before && s.ETag != etag {
					t.Fatalf("the ETag %q is kept of a list that was not read", s.ETag)
				}
			}
			if diff := cmp.Diff([]int64{x.ID}, found); diff != "" {
				t.Errorf("found within 6 h (-want +got):\n%s", diff)
			}
		})
	}
}
