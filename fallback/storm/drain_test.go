package storm

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDrain(t *testing.T) {
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	const gap = 20 * time.Second
	got := Drain([]Held{
		{ID: 1, Repo: 1, Line: "a", At: at(1)}, {ID: 2, Repo: 1, Line: "b", At: at(2)}, {ID: 3, Repo: 2, Line: "a", At: at(0)},
		{ID: 4, Repo: 1, Line: "a", At: at(5)}, {ID: 5, Repo: 1, At: at(3)}, {ID: 6, Repo: 1, At: at(3)},
	}, gap, map[int64]int{2: 2})
	want := []Turn{{ID: 4}, {ID: 1, Behind: 4}, {ID: 6, After: gap}, {ID: 5, After: 2 * gap}, {ID: 3, After: 2 * gap}, {ID: 2, After: 3 * gap}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Nobody is lost, one turn a gap and repository, the newest of a line goes,
// and the order in which they are given does not matter.
func TestDrainInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const gap = 20 * time.Second
		var held []Held
		for i := range rapid.IntRange(0, 40).Draw(t, "held") {
			h := Held{ID: int64(i + 1), Repo: int64(rapid.IntRange(1, 3).Draw(t, "repo")), At: start.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "at")) * time.Minute)}
			if line := rapid.IntRange(0, 3).Draw(t, "line"); line != 0 {
				h.Line = fmt.Sprint(line)
			}
			held = append(held, h)
		}
		turns := Drain(held, gap, nil)
		by := map[int64]Held{}
		for _, h := range held {
			by[h.ID] = h
		}
		if len(turns) != len(held) {
			t.Fatalf("%d turns for %d", len(turns), len(held))
		}
		used := map[string]bool{}
		for _, turn := range turns {
			h := by[turn.ID]
			if turn.Behind != 0 {
				newer := by[turn.Behind]
				if newer.Repo != h.Repo || newer.Line != h.Line || h.Line == "" || newer.At.Before(h.At) {
					t.Fatalf("%+v gave way to %+v", h, newer)
				}
				continue
			}
			slot := fmt.Sprint(h.Repo, turn.After)
			if used[slot] || turn.After%gap != 0 {
				t.Fatalf("two turns at %s", slot)
			}
			used[slot] = true
			for _, other := range turns {
				o := by[other.ID]
				if other.Behind == 0 && o.Repo == h.Repo && other.After < turn.After && o.At.Before(h.At) {
					t.Fatalf("%+v went before %+v", o, h)
				}
			}
		}
		if d := cmp.Diff(turns, Drain(rapid.Permutation(held).Draw(t, "order"), gap, nil)); d != "" {
			t.Fatal(d)
		}
	})
}
