package fallback

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

var update = flag.Bool("update", false, "write what the table says into docs/state-machine.md")

// docs/state-machine.md holds the table: go test ./fallback -run Document -update
func TestDocumentMatchesTheTable(t *testing.T) {
	const page = "../docs/state-machine.md"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	diagram := "stateDiagram-v2\n    [*] --> healthy\n"
	table := "| from | to | when |\n|---|---|---|\n"
	for _, tr := range transitions {
		diagram += fmt.Sprintf("    %s --> %s\n", tr.From, tr.To)
		table += fmt.Sprintf("| `%s` | → `%s` | %s |\n", tr.From, tr.To, tr.When)
	}
	for _, s := range States {
		if s.Settled() {
			diagram += fmt.Sprintf("    %s --> [*]\n", s)
		}
		if !strings.Contains(string(raw), "| `"+string(s)+"` |") {
			t.Errorf("state %s is not explained", s)
		}
	}
	want := regexp.MustCompile(`(?s)stateDiagram-v2\n.*?(?:\x60\x60\x60)`).ReplaceAllLiteralString(string(raw), diagram+"```")
	want = regexp.MustCompile(`\| from \| to \| when \|\n(?:\|.*\n)+`).ReplaceAllLiteralString(want, table)
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(raw), want); diff != "" {
		t.Errorf("%s is not what the code does (-page +code):\n%s", page, diff)
	}
}

func TestTableIsSound(t *testing.T) {
	for _, tr := range transitions {
		if tr.From.Settled() && tr.From != Healthy {
			t.Errorf("%s is settled and leads to %s", tr.From, tr.To)
		}
	}
	// From every state that is not over there is a way to its end.
	for _, s := range unsettled {
		if !slices.ContainsFunc(transitions, func(tr transition) bool { return tr.From == State(s) && tr.To == Superseded }) {
			t.Errorf("%s cannot be superseded", s)
		}
	}
}

func TestTransitionsAreCompareAndSwap(t *testing.T) {
	b := newBench(t, config.Workflow{})
	b.fail("failure")
	inc, _, err := store.ReadIncident(b.ctx, b.store.Read(), b.only().ID)
	if err != nil {
		t.Fatal(err)
	}
	stale := inc
	move := func(inc *store.Incident, to State) error {
		return b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error { return b.engine.move(ctx, tx, inc, to, "test", nil) })
	}
	if err := move(&inc, Failing); err != nil {
		t.Fatal(err)
	}
	if err := move(&stale, Failing); !isConflict(err) {
		t.Errorf("a stale writer got %v", err)
	}
	if err := move(&inc, Recovered); err == nil || !strings.Contains(err.Error(), "no transition from failing to recovered") {
		t.Errorf("a transition that is not in the table got %v", err)
	}
	if got := b.only(); got.State != Failing {
		t.Errorf("state %s", got.State)
	}
}

// Any order and repetition of what GitHub says about a run ends in the same
// record, which never goes backwards on the way.
func TestObservationsAreMonotone(t *testing.T) {
	b := newBench(t, config.Workflow{})
	var runID int64
	rapid.Check(t, func(rt *rapid.T) {
		seen := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) store.WorkflowRun {
			r := store.WorkflowRun{RepoID: 1, Attempt: rapid.IntRange(1, 3).Draw(rt, "attempt"), UpdatedAt: store.Millis(rapid.IntRange(1, 3).Draw(rt, "updated"))}
			r.Status = rapid.SampledFrom([]string{"requested", "queued", "waiting", "pending", "in_progress", "completed"}).Draw(rt, "status")
			if r.Status == "completed" {
				r.Conclusion = rapid.SampledFrom([]string{"success", "failure", "cancelled"}).Draw(rt, "conclusion")
			}
			return r
		}), 1, 6).Draw(rt, "seen")
		var finals []store.WorkflowRun
		orders := [][]store.WorkflowRun{seen, rapid.Permutation(append(slices.Clone(seen), seen...)).Draw(rt, "other order, with repetitions")}
		for _, order := range orders {
			runID++
			var last store.WorkflowRun
			err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
				for _, r := range order {
					r.RunID = runID
					if _, err := tx.SaveRun(ctx, r); err != nil {
						return err
					}
					now, _, err := store.LatestAttempt(ctx, tx, 1, runID)
					if err != nil {
						return err
					}
					if now.Attempt < last.Attempt || now.Attempt == last.Attempt && last.Completed() && !now.Completed() {
						rt.Fatalf("went from %+v back to %+v", last, now)
					}
					last = now
				}
				return nil
			})
			if err != nil {
				rt.Fatal(err)
			}
			last.RunID = 0
			finals = append(finals, last)
		}
		if finals[0] != finals[1] {
			rt.Fatalf("%+v and %+v", finals[0], finals[1])
		}
	})
}

// No interleaving of owners ever holds one claim under two epochs, and epochs
// only grow.
func TestClaims(t *testing.T) {
	b := newBench(t, config.Workflow{})
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		key, now, top := fmt.Sprintf("key %d", n), store.Millis(1000), int64(0)
		var held store.Claim
		for range rapid.IntRange(1, 20).Draw(rt, "moves") {
			owner := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "owner")
			move := rapid.SampledFrom([]string{"acquire", "free", "done", "doubt", "time", "person", "stale"}).Draw(rt, "move")
			err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
				switch move {
				case "acquire":
					before, _, err := storeClaim(b, key)
					if err != nil {
						return err
					}
					c, ok, err := tx.Acquire(ctx, key, owner, now, now+100)
					if err != nil || !ok {
						return err
					}
					if c.Epoch <= top || before.State == store.ClaimHeld || before.State == store.ClaimDone || before.State == store.ClaimInDoubt {
						rt.Fatalf("%+v granted over %+v", c, before)
					}
					top, held = c.Epoch, c
				case "free", "done", "doubt":
					if held.Epoch == 0 {
						return nil
					}
					state := map[string]store.ClaimState{"free": store.ClaimFree, "done": store.ClaimDone, "doubt": store.ClaimInDoubt}[move]
					return tx.SetClaim(ctx, key, held.Epoch, state, now)
				case "stale":
					if err := tx.SetClaim(ctx, key, top-1, store.ClaimFree, now); !isConflict(err) {
						rt.Fatalf("a holder of an old epoch got %v", err)
					}
				case "person":
					return tx.FreeClaim(ctx, key, now)
				case "time":
					now += 150
				}
				return nil
			})
			if err != nil {
				rt.Fatal(err)
			}
		}
	})
}
