package fallback

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// docs/state-machine.md says what the table says, row by row, in the diagram
// and in the list.
func TestDocumentMatchesTheTable(t *testing.T) {
	raw, err := os.ReadFile("../docs/state-machine.md")
	if err != nil {
		t.Fatal(err)
	}
	var arrows, rows []string
	for line := range strings.SplitSeq(string(raw), "\n") {
		line = strings.TrimSpace(line)
		if from, to, ok := strings.Cut(line, " --> "); ok && from != "[*]" && to != "[*]" {
			arrows = append(arrows, from+" "+to)
		}
		if cells := strings.Split(line, "|"); len(cells) == 5 && strings.Contains(line, "→") {
			rows = append(rows, strings.TrimSpace(cells[1])+" | "+strings.TrimSpace(cells[2])+" "+strings.TrimSpace(cells[3]))
		}
	}
	var wantArrows, wantRows []string
	for _, tr := range transitions {
		wantArrows = append(wantArrows, fmt.Sprintf("%s %s", tr.From, tr.To))
		wantRows = append(wantRows, fmt.Sprintf("`%s` | → `%s` %s", tr.From, tr.To, tr.When))
	}
	for _, c := range []struct {
		what      string
		got, want []string
	}{{"diagram", arrows, wantArrows}, {"table", rows, wantRows}} {
		slices.Sort(c.got)
		slices.Sort(c.want)
		for _, w := range c.want {
			if !slices.Contains(c.got, w) {
				t.Errorf("%s lacks %q", c.what, w)
			}
		}
		for _, g := range c.got {
			if !slices.Contains(c.want, g) {
				t.Errorf("%s has %q, the code has not", c.what, g)
			}
		}
	}
	for _, s := range States {
		if !strings.Contains(string(raw), "| `"+string(s)+"` |") {
			t.Errorf("state %s is not explained", s)
		}
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
