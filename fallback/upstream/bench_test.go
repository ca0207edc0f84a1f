package upstream

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a health with a real store. It is its own [Incidents], and keeps
// what they are told.
type bench struct {
	testing.TB
	*Health
	ctx     context.Context
	time    *clockwork.FakeClock
	down    []string // why
	changed []int64
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		TB: t, ctx: zerolog.New(zerolog.NewTestWriter(t)).WithContext(t.Context()),
		time: clockwork.NewFakeClockAt(time.Date(2026, 5, 4, 3, 20, 0, 0, time.UTC)),
	}
	s, err := store.Open(b.ctx, "sqlite:"+filepath.Join(t.TempDir(), "r.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b.Health = New(Config{
		Store: s, Clock: b.time, Incidents: b, Log: *zerolog.Ctx(b.ctx), Scale: 1,
		Jitter: func(limit time.Duration) time.Duration { return limit / 2 }, // pauses are as long as they say
	})
	return b
}

func (b *bench) update(do func(ctx context.Context, tx *store.Tx) error) {
	b.Helper()
	if err := b.Store.Update(b.ctx, do); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) read(name string) Dependency {
	b.Helper()
	d, err := Read(b.ctx, b.Store.Read(), name)
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// want checks the state of a breaker as of now.
func (b *bench) want(name string, state storm.State) {
	b.Helper()
	if is := b.Now(b.read(name)); is.State != state {
		b.Errorf("%s is %s, want %s", name, is.State, state)
	}
}

// take is Take.
func (b *bench) take(name string, incident int64) (ok bool) {
	b.Helper()
	b.update(func(ctx context.Context, tx *store.Tx) (err error) {
		ok, err = b.Take(ctx, tx, name, incident)
		return err
	})
	return ok
}

func (b *bench) Down(_ context.Context, _ *store.Tx, d *Dependency, _ storm.Breaker, why string, _ map[string]any) error {
	b.down = append(b.down, d.Name+": "+why)
	d.UpstreamID = 77
	return nil
}

func (b *bench) Changed(_ context.Context, _ *store.Tx, upstream int64) error {
	b.changed = append(b.changed, upstream)
	return nil
}
