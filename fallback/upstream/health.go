package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/store"
)

// Incidents is the side that suffers. Its methods are called within the
// transaction that changes the breaker.
type Incidents interface {
	// Down is told that the breaker of something that all depend on has opened,
	// with the state that it had before. It makes one incident of it, whose
	// number it leaves in d.UpstreamID, or takes up the one that is there.
	Down(ctx context.Context, tx *store.Tx, d *Dependency, was storm.Breaker, why string, evidence map[string]any) error
	// Changed is told that something else is let through than before: by the
	// breaker that an upstream incident is about, or by one without (0).
	Changed(ctx context.Context, tx *store.Tx, upstream int64) error
}

// Config is what is needed. Every field must be set.
type Config struct {
	Store     *store.Store
	Clock     clockwork.Clock
	Incidents Incidents
	Log       zerolog.Logger // for what no job is the cause of
	// Jitter draws a pause from nothing up to and with limit.
	Jitter func(limit time.Duration) time.Duration
	// Scale divides every wait, above 0.
	Scale float64
}

// Health keeps the breakers. Its methods are safe for concurrent use.
type Health struct {
	Config
	answers answers
	silence silence
}

// New starts with what is stored.
func New(cfg Config) *Health {
	return &Health{Config: cfg, silence: silence{up: cfg.Clock.Now()}}
}

// rules of a dependency's breaker, as in the retry literature: five failures
// in a row, or half of at least ten within five minutes; a minute open,
// doubling to an hour; one probe; two successes close it.
func (h *Health) rules(name string) storm.Rules {
	r := storm.Rules{
		Row: 5, Share: 0.5, Of: 10, Window: h.scaled(5 * time.Minute), Pause: h.scaled(time.Minute), MaxPause: h.scaled(time.Hour),
		Probe: h.scaled(10 * time.Minute), Close: 2, Early: 3, Random: h.random,
	}
	switch {
	case IsLimit(name):
		r.Close = 1 // the end of a limit is known, not guessed
	case name == Webhooks:
		// It is looked at when there is a run to compare with.
		r.Row, r.Window = 3, h.scaled(time.Hour)
	case name == Actions:
		// One workflow that cannot start is that workflow's trouble, however
		// often it does not: what opens it is mass.
		r.Row, r.Share = 0, 0
	}
	return r
}

// random is a number in [0, 1).
func (h *Health) random() float64 {
	return float64(h.Jitter(time.Hour-1)) / float64(time.Hour)
}

// Now is the breaker of a dependency as of now.
func (h *Health) Now(d Dependency) storm.Breaker { return h.rules(d.Name).At(d.Stored, h.Clock.Now()) }

// Admits says whether an incident may use a dependency now.
func (h *Health) Admits(d Dependency, incident int64) bool {
	return h.rules(d.Name).Admits(d.Stored, incident, h.Clock.Now())
}

// Take makes an incident the one probe of a dependency that is half open. ok is
// false when it may not use the dependency at all.
func (h *Health) Take(ctx context.Context, tx *store.Tx, name string, incident int64) (ok bool, err error) {
	d, err := Read(ctx, tx, name)
	if err != nil {
		return false, err
	}
	is, ok := h.rules(name).Take(d.Stored, incident, h.Clock.Now())
	if !ok || is.Probe == 0 {
		return ok, nil
	}
	return true, h.Turn(ctx, tx, d, is, fmt.Sprintf("incident %d tries whether it works again", incident), nil)
}

// Record draws the consequences of a use of a dependency.
func (h *Health) Record(ctx context.Context, tx *store.Tx, name string, o storm.Outcome) error {
	d, err := Read(ctx, tx, name)
	if err != nil {
		return err
	}
	return h.Turn(ctx, tx, d, h.rules(name).Record(d.Stored, o, h.Clock.Now()), "it failed too often", nil)
}

// Forget closes the breaker of a dependency for which nobody waits, when
// nothing has failed there for long.
func (h *Health) Forget(ctx context.Context, tx *store.Tx, name string) error {
	d, err := Read(ctx, tx, name)
	if err != nil {
		return err
	}
	return h.Turn(ctx, tx, d, h.rules(name).Forget(h.Now(d), h.Clock.Now()), "nobody waits for it, and nothing has failed there for long", nil)
}

// Turn writes what has become of a breaker since it was read with tx, and says
// why to whom it concerns.
func (h *Health) Turn(ctx context.Context, tx *store.Tx, d Dependency, is storm.Breaker, why string, evidence map[string]any) error {
	raw, err := json.Marshal(is)
	if err != nil {
		return fmt.Errorf("write breaker of %s: %w", d.Name, err)
	}
	if string(raw) == d.Breaker || d.Breaker == "" && is.State == storm.Closed && len(is.Recent) == 0 {
		return nil
	}
	was := d.Stored
	d.Breaker, d.Stored, d.UpdatedAt = string(raw), is, h.now()
	_, common := names[d.Name]
	if common && is.State == storm.Open && was.State != storm.Open {
		if err := h.Incidents.Down(ctx, tx, &d, was, why, evidence); err != nil {
			return err
		}
	}
	if err := tx.SaveDependency(ctx, d.Dependency); err != nil {
		return err
	}
	if was.State == is.State && was.Probe == is.Probe && was.Until.Equal(is.Until) {
		return nil
	}
	if was.State != is.State {
		tx.OnCommit(func() {
			zerolog.Ctx(ctx).Warn().Str("dependency", d.Name).Str("from", string(was.State)).Str("to", string(is.State)).
				Time("until", is.Until).Msg("breaker of a dependency: " + why)
		})
	}
	if !common {
		return h.Incidents.Changed(ctx, tx, 0)
	}
	return h.Incidents.Changed(ctx, tx, d.UpstreamID)
}

func (h *Health) scaled(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)/h.Scale), time.Millisecond)
}

func (h *Health) now() store.Millis { return store.MillisOf(h.Clock.Now()) }
