package storm

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMass(t *testing.T) {
	m := Mass{Targets: 3, Share: 0.3}
	for _, c := range []struct {
		troubled, active int
		want             bool
	}{{2, 2, false}, {3, 3, true}, {3, 10, true}, {3, 11, false}, {30, 100, true}, {29, 100, false}, {0, 0, false}} {
		if got := m.Storm(c.troubled, c.active); got != c.want {
			t.Errorf("%d of %d: %v", c.troubled, c.active, got)
		}
	}
}

func TestCeiling(t *testing.T) {
	for _, c := range []struct{ observed, want int }{{0, 100}, {1000, 100}, {1010, 101}, {20000, 2000}} {
		if got := Ceiling(c.observed, 0.1, 100); got != c.want {
			t.Errorf("%d of %d, want %d", got, c.observed, c.want)
		}
	}
}

// The bucket does what a counter of tokens does, and never lets more through
// than its size and its rate allow.
func TestBucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Bucket{Size: rapid.IntRange(1, 10).Draw(t, "size"), Every: time.Duration(rapid.IntRange(1, 600).Draw(t, "every")) * time.Second}
		tokens, filled, now := float64(b.Size), start, start
		var spent []time.Time
		for range rapid.IntRange(1, 80).Draw(t, "asked") {
			now = now.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "pause")) * time.Second)
			tokens = min(float64(b.Size), tokens+float64(now.Sub(filled))/float64(b.Every))
			filled = now
			next := b.Next(spent, now)
			if free := next.Equal(now); free != (tokens > 1-1e-6) {
				t.Fatalf("next %s at %s with %.6f tokens", next, now, tokens)
			}
			if next.After(now) && rapid.Bool().Draw(t, "wait") {
				if b.Next(spent, next.Add(-time.Millisecond)).Equal(next.Add(-time.Millisecond)) || !b.Next(spent, next).Equal(next) {
					t.Fatal("the moment that was promised is not the first one")
				}
				continue
			}
			if next.Equal(now) {
				spent, tokens = append(spent, now), tokens-1
			}
		}
		for i := range spent {
			for j := i; j < len(spent); j++ {
				if n, most := j-i+1, b.Size+int(spent[j].Sub(spent[i])/b.Every); n > most {
					t.Fatalf("%d within %s, at most %d", n, spent[j].Sub(spent[i]), most)
				}
			}
		}
	})
}

// A quota is never exceeded in any stretch of time, and gives the first moment
// at which it is not.
func TestQuota(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := Quota{Max: rapid.IntRange(1, 6).Draw(t, "max"), Within: time.Duration(rapid.IntRange(1, 3600).Draw(t, "within")) * time.Second}
		now := start
		var spent []time.Time
		for range rapid.IntRange(1, 60).Draw(t, "asked") {
			now = now.Add(time.Duration(rapid.IntRange(0, 1200).Draw(t, "pause")) * time.Second)
			next := q.Next(spent, now)
			if next.After(now) {
				if !q.Next(spent, next).Equal(next) || q.Next(spent, next.Add(-time.Millisecond)).Equal(next.Add(-time.Millisecond)) {
					t.Fatal("the moment that was promised is not the first one")
				}
				continue
			}
			spent = append(spent, now)
		}
		for i := range spent {
			n := 0
			for _, at := range spent[i:] {
				if at.Sub(spent[i]) < q.Within {
					n++
				}
			}
			if n > q.Max {
				t.Fatalf("%d within %s, at most %d", n, q.Within, q.Max)
			}
		}
	})
	if got := (Quota{Within: time.Hour}).Next(nil, start); !got.Equal(start.Add(time.Hour)) {
		t.Errorf("a quota of none allows one at %s", got)
	}
}
