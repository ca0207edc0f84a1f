package health

import (
	"context"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/store"
)

// TestReuse: what takes long in all is used for twenty times as long, an hour
// at most.
func TestReuse(t *testing.T) {
	for _, tt := range []struct {
		cost  time.Duration
		total int
		want  time.Duration
	}{{0, 5, 0}, {time.Millisecond, 1, 20 * time.Millisecond}, {time.Millisecond, 1000, 20 * time.Second}, {time.Second, 179, 3580 * time.Second}, {time.Second, 180, maxReuse}, {time.Second, 10_000, maxReuse}} {
		k := newKept()
		k.put(1, entry{}, tt.cost)
		if got := k.reuse(tt.total); got != tt.want {
			t.Errorf("%d repositories of %s: %s, want %s", tt.total, tt.cost, got, tt.want)
		}
	}
}

func TestFleetReusesWhatIsYoung(t *testing.T) {
	b := newBench(t)
	repo := b.repo(1, nil, map[string]string{"a.yml": "SSSSSSSSSS"})
	score := func() float64 {
		t.Helper()
		rep, err := b.reader.Fleet(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return *rep.Score
	}
	if score() != 100 {
		t.Fatal("not all well at first")
	}
	e, _ := b.reader.kept.get(repo.ID)
	b.reader.kept.put(repo.ID, e, time.Second) // as if it had taken that long: counts for 20 s
	run := outcomes("F")[0]
	run.RunID = 1
	b.write(func(ctx context.Context, tx *store.Tx) error { return saveRun(ctx, tx, 1, "a.yml", run, nil) })
	b.clock.Advance(20*time.Second - time.Millisecond)
	if got := score(); got != 100 {
		t.Errorf("computed anew: %v", got)
	}
	b.clock.Advance(time.Millisecond)
	if got := score(); got != 95.9 {
		t.Errorf("too old, and still used: %v", got)
	}
}
