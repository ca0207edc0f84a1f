package fallback

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// aftermath is what stands on GitHub and in the database when all is over, and
// must not depend on whether a process has died meanwhile. How often something
// was asked, and the tries of steps that had no effect, are left out.
type aftermath struct {
	Incidents, Steps, Claims, Ticks, Runs, Checks []string
	Effects                                       []string
	Duplicates                                    int // lines that say so
}

// effectNames are the requests that do something in the world.
var effectNames = map[string][]string{
	"rerun": {"actions/re-run-workflow-failed-jobs", "actions/re-run-workflow"}, "dispatch": {"actions/create-workflow-dispatch"},
	"event": {"repos/create-dispatch-event"}, "enable": {enables}, "cancel": {"actions/cancel-workflow-run"}, "force-cancel": {"actions/force-cancel-workflow-run"},
}

func (b *bench) aftermath(repos ...*githubtest.Repo) (a aftermath) {
	b.Helper()
	list, err := b.engine.Incidents(b.ctx, Filter{All: true, Limit: 1000})
	if err != nil {
		b.Fatal(err)
	}
	for _, short := range list {
		inc := b.incident(short.ID)
		a.Incidents = append(a.Incidents, strings.TrimSpace(fmt.Sprintf("%s %s %s", inc.Signal, inc.State, inc.Late)))
		for _, st := range inc.Steps {
			if st.State != "not_done" && st.State != "not_sent" {
				a.Steps = append(a.Steps, fmt.Sprintf("%s %s %s", inc.Signal, st.Kind, st.State))
			}
		}
		row, _, err := store.ReadIncident(b.ctx, b.store.Read(), inc.ID)
		if err != nil {
			b.Fatal(err)
		}
		claim, ok, err := b.store.Claim(b.ctx, row.OccurrenceKey)
		if err != nil {
			b.Fatal(err)
		}
		a.Claims = append(a.Claims, fmt.Sprintf("%s %v %s", inc.Signal, ok, claim.State))
		a.Duplicates += timelineSays(inc, "duplicate possible")
	}
	a.Ticks = b.ticks()
	for _, r := range repos {
		commits := map[string]bool{r.Head("main"): true}
		for _, x := range r.Runs() {
			a.Runs = append(a.Runs, fmt.Sprintf("%s %s %s #%d %s %s", r.Name, x.Workflow, x.Event, x.Attempt(), x.Status(), x.Conclusion()))
			commits[x.HeadSHA] = true
		}
		for sha := range commits {
			for _, c := range r.CheckRuns(sha) {
				a.Checks = append(a.Checks, r.Name+" "+c.Name+" "+c.Status+" "+c.Conclusion)
			}
		}
	}
	for name, operations := range effectNames {
		n := 0
		for _, op := range operations {
			n += b.gh.Effects(op)
		}
		if n > 0 {
			a.Effects = append(a.Effects, fmt.Sprintf("%s %d", name, n))
		}
	}
	for _, l := range [][]string{a.Incidents, a.Steps, a.Claims, a.Ticks, a.Runs, a.Checks, a.Effects} {
		slices.Sort(l)
	}
	return a
}

// tell plays a story, with a process that dies after the act with the number
// last, and says which act that was.
func (c *deathCase) tell(t *testing.T, last int) (aftermath, *life) {
	t.Helper()
	var b *bench
	var repos []*githubtest.Repo
	var story func()
	if c.fleet != nil {
		f, told := c.fleet(t)
		b, repos, story = f.bench, f.repos, told
	} else {
		alone, at := c.begin(t)
		b, repos, story = alone, []*githubtest.Repo{alone.repo}, func() { c.story(alone, at) }
	}
	l := mortal(b, last)
	l.begin()
	story()
	for _, err := range b.queue.dead {
		t.Errorf("a job gave up: %v", err)
	}
	return b.aftermath(repos...), l
}

// expectedAfter is the end when the process has died after an act: that of the
// undisturbed run, but for a wish to cancel that GitHub has not followed at once.
// It is made again when it is not on record that it was made, which ends a run
// no more than once.
func expectedAfter(act string, want aftermath) aftermath {
	if strings.HasPrefix(act, "POST ") && strings.HasSuffix(act, "/cancel") && slices.Contains(want.Effects, "force-cancel 1") {
		want.Effects = slices.Clone(want.Effects)
		want.Effects[slices.Index(want.Effects, "cancel 1")] = "cancel 2"
	}
	return want
}

// dull are commits that are tried in the long tests only: what was read of a
// run, when a schedule is due again, and the id of a Check Run.
var dull = []string{"commit workflow_runs", "commit watches", "commit incidents"}

// telling says whether an act is tried each time.
func telling(act string) bool {
	return !slices.Contains(dull, act) && !strings.HasPrefix(act, http.MethodPatch)
}

// The process dies after each act of a story, be it a commit or something that
// GitHub did. The next one takes the story to the same end, and nothing is done
// twice.
func TestKilledAnywhere(t *testing.T) {
	all := os.Getenv("REDUNDANCY_FAULT_ROUNDS") != ""
	// Most of it is waiting for the disk, so more of them run than t.Parallel
	// allows, which counts processors.
	slots := make(chan struct{}, 8)
	for _, c := range deathCases {
		var running sync.WaitGroup
		t.Run(c.name, func(t *testing.T) {
			want, l := c.tell(t, 0)
			if diff := cmp.Diff(c.want, slices.Concat(want.Incidents, want.Effects)); diff != "" {
				t.Fatalf("undisturbed it ends otherwise (-want +got):\n%s", diff)
			}
			t.Logf("%d acts", len(l.acts))
			for i, act := range l.acts {
				last := i + 1
				switch {
				case (testing.Short() || underRace) && i%7 != 0, !all && !telling(act), !all && c.fleet != nil && i%3 != 0:
					continue
				}
				slots <- struct{}{}
				running.Go(func() {
					defer func() { <-slots }()
					t.Run(fmt.Sprintf("%d %s", last, act), func(t *testing.T) {
						got, died := c.tell(t, last)
						if died.lives != 2 {
							t.Fatalf("%d lives", died.lives)
						}
						if diff := cmp.Diff(expectedAfter(act, want), got); diff != "" {
							t.Errorf("differs from the undisturbed run (-want +got):\n%s", diff)
						}
					})
				})
			}
			running.Wait()
		})
	}
}
