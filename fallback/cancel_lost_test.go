package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// A run is given up when GitHub has been asked to end it and has not, not when
// the wish was lost on the way or had to wait.
func TestAWishToCancelThatIsLost(t *testing.T) {
	const forced = "actions/force-cancel-workflow-run"
	for name, c := range map[string]struct {
		fault githubtest.Fault
		asked int // to force it
		want  State
	}{
		"reset":                 {githubtest.Fault{Kind: githubtest.Reset}, 2, Recovered},
		"502":                   {githubtest.Fault{Kind: githubtest.Status, Code: 502}, 2, Recovered},
		"reset after it":        {githubtest.Fault{Kind: githubtest.Reset, AfterEffect: true}, 1, Recovered},
		"no room for 20m":       {githubtest.Fault{Kind: githubtest.Primary, RetryAfter: 20 * time.Minute}, 2, Recovered},
		"slower, says GitHub":   {githubtest.Fault{Kind: githubtest.Secondary, RetryAfter: 10 * time.Minute}, 2, Recovered},
		"GitHub never answers":  {githubtest.Fault{Kind: githubtest.Status, Code: 500, Times: -1}, 0, InDoubt},
		"GitHub always refuses": {githubtest.Fault{Kind: githubtest.Status, Code: 409, Times: -1}, 1, InDoubt},
	} {
		t.Run(name, func(t *testing.T) {
			b := newKnownBench(t, config.Workflow{Recover: []config.Step{rerun, dispatch}})
			c.fault.Operation = forced
			b.gh.Fault(c.fault)
			x := b.queued("schedule")
			x.SetCancel(githubtest.Ignored, githubtest.Obeyed)
			b.live(b.clock.Now().Add(2 * time.Hour))
			inc := b.want(c.want)
			if n := b.gh.Count(forced); c.asked != 0 && n != c.asked || n > 20 {
				t.Errorf("asked %d times", n)
			}
			if c.want == Recovered && (x.Attempt() != 2 || len(inc.Steps) != 1) {
				t.Errorf("attempt %d, steps %v", x.Attempt(), steps(inc))
			}
			if c.want == InDoubt && len(b.effects()) != 0 {
				t.Errorf("effects %v of a run that can still begin", b.effects())
			}
		})
	}
}
