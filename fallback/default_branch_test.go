package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

// newDefault makes a branch that begins at main the default one, which we hear
// of a second later.
func (b *bench) newDefault(branch string) {
	b.Helper()
	if err := b.repo.PushRef(branch, b.repo.Head("main")); err != nil {
		b.Fatal(err)
	}
	b.repo.SetDefaultBranch(branch)
	b.clock.Advance(time.Second)
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		row := store.Repository{ID: b.repo.ID, InstallationID: b.at.InstallationID, Owner: "acme", Name: "site", DefaultBranch: branch, SeenAt: b.engine.now()}
		_, err := store.SaveRepositories(ctx, tx, []store.Repository{row})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	b.watch()
}

// TestDefaultBranchChangesUnderARun: the run was of the default branch when it
// began, and its failure counts, whoever finds it. A run that begins on the
// former branch afterwards is nobody's business.
func TestDefaultBranchChangesUnderARun(t *testing.T) {
	for name, told := range map[string]bool{"by webhook": true, "by scan": false} {
		t.Run(name, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			b.until(tick.Add(2 * time.Minute))
			x := b.come()
			b.begin(x)
			scan := b.scanner()
			b.newDefault("trunk")
			b.pass(5 * time.Minute)
			b.end(x, "failure")
			y, err := b.repo.StartRunAt(primaryPath, "push", "main", "octocat")
			if err != nil {
				t.Fatal(err)
			}
			b.end(y, "failure")
			if told {
				b.observe(x.ID)
				b.observe(y.ID)
			} else {
				b.pass(5 * time.Minute)
				scan()
			}
			if all, err := store.Incidents(b.ctx, b.store.Read(), store.IncidentFilter{RepoID: b.repo.ID}); err != nil || len(all) != 1 || all[0].RunID != x.ID {
				t.Errorf("incidents %v (%v), want that of run %d alone", all, err, x.ID)
			}
		})
	}
}

// TestNewDefaultBranchWorks: what failed on the former default branch, and was
// given up, is over when the workflow succeeds on the present one.
func TestNewDefaultBranchWorks(t *testing.T) {
	for name, changes := range map[string]bool{"the default branch has changed": true, "it is the same": false} {
		t.Run(name, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{local}})
			b.actions.exit["git-sync"] = 1
			b.until(tick.Add(2 * time.Minute))
			b.fail("failure")
			b.want(Exhausted)
			if changes {
				b.newDefault("trunk")
			}
			b.until(tick.Add(24*time.Hour + 3*time.Minute))
			x, err := b.repo.StartRun(primaryPath, schedule.Event)
			if err != nil {
				t.Fatal(err)
			}
			b.end(x, "success")
			b.see(x)
			b.observe(x.ID)
			if n := len(b.ofState(Exhausted)); n != 0 {
				t.Errorf("%d incidents are exhausted still", n)
			}
		})
	}
}

// TestLateNewsOfTheFormerDefaultBranch: the later success of which no webhook
// told is on another branch by now.
func TestLateNewsOfTheFormerDefaultBranch(t *testing.T) {
	for name, ends := range map[string]string{"succeeded": "success", "cancelled": "cancelled"} {
		t.Run(name, func(t *testing.T) {
			b, _ := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			x := b.run(primaryPath, "push", "failure")
			b.clock.Advance(time.Hour)
			b.newDefault("trunk")
			y, err := b.repo.StartRunAt(primaryPath, "push", "trunk", "octocat")
			if err != nil {
				t.Fatal(err)
			}
			b.end(y, ends)
			b.clock.Advance(time.Minute)
			b.observe(x.ID)
			want := Verifying
			if ends == "success" {
				want = Healthy
			}
			b.want(want)
		})
	}
}
