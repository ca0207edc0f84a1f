package intake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/store"
)

const (
	// DefaultSweepInterval is the pause between two sweeps.
	DefaultSweepInterval = 5 * time.Minute
	// heartbeatInterval is how exactly the begin of an outage is known after
	// a crash; a regular stop is recorded to the moment.
	heartbeatInterval = time.Minute
	// settleTime is how long a sweep waits for what it asked for, so that its
	// log line can say how much came. GitHub redelivers within seconds.
	settleTime = 30 * time.Second

	momentUp    = "up"    // when we last ran
	momentSwept = "swept" // begin of the last complete sweep
)

// HookAPI is what the sweep needs of GitHub; [github.AppsService] of a client
// that authenticates as the App.
type HookAPI interface {
	ListHookDeliveries(ctx context.Context, opts *github.ListCursorOptions) ([]*github.HookDelivery, *github.Response, error)
	RedeliverHookDelivery(ctx context.Context, deliveryID int64) (*github.HookDelivery, *github.Response, error)
}

// SweeperConfig is what a sweeper needs.
type SweeperConfig struct {
	Store      *store.Store
	API        HookAPI
	Clock      clockwork.Clock
	Registerer prometheus.Registerer
	Interval   time.Duration // 0 means DefaultSweepInterval
	Scale      float64       // divides the interval and all pauses; 0 means 1
	// Limited tells until when GitHub refuses requests after err; nil means
	// that no error is a rate limit.
	Limited func(err error) (until time.Time, limited bool)
	// Failed hears, in the transaction that records them, of which repositories
	// deliveries have failed; nil when nobody needs to know.
	Failed func(ctx context.Context, tx *store.Tx, repoIDs []int64) error
}

// Sweeper asks GitHub for the deliveries that did not reach us. GitHub never
// repeats one by itself, but lists them for three days and repeats them on
// request.
type Sweeper struct {
	cfg       SweeperConfig
	recovered prometheus.Counter

	mu      sync.Mutex
	awaited map[string]struct{} // asked for in this sweep and not here yet
	settled chan struct{}       // capacity 1: awaited has become empty
	down    [2]time.Time        // since when and until when this server was not up before its start
}

// Downtime is since when and until when the server was not up before it was
// started; zero times when it never ran before, or Run was not called.
func (s *Sweeper) Downtime() (from, to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down[0], s.down[1]
}

// NewSweeper makes a sweeper. Give its Stored method to the inbox.
func NewSweeper(cfg SweeperConfig) (*Sweeper, error) {
	if cfg.Interval <= 0 {
		cfg.Interval = DefaultSweepInterval
	}
	if cfg.Scale <= 0 {
		cfg.Scale = 1
	}
	if cfg.Limited == nil {
		cfg.Limited = func(error) (time.Time, bool) { return time.Time{}, false }
	}
	s := &Sweeper{
		cfg:     cfg,
		awaited: map[string]struct{}{},
		settled: make(chan struct{}, 1),
		recovered: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redundancy_deliveries_recovered_total",
			Help: "Deliveries that had failed, were asked for again and arrived.",
		}),
	}
	if err := cfg.Registerer.Register(s.recovered); err != nil {
		return nil, fmt.Errorf("delivery sweep: %w", err)
	}
	return s, nil
}

// Run sweeps at once and then at every interval, until ctx ends, and keeps the
// heartbeat. Start it when webhooks are being answered: what it asks for comes
// at once.
func (s *Sweeper) Run(ctx context.Context) {
	log := zerolog.Ctx(ctx)
	from, err := s.cfg.Store.Moment(ctx, momentUp)
	if err != nil {
		log.Error().Err(err).Msg("last time of being up is unknown")
	}
	to := s.cfg.Clock.Now().UTC()
	if !from.IsZero() {
		s.mu.Lock()
		s.down = [2]time.Time{from, to}
		s.mu.Unlock()
	}
	s.beat(ctx)

	var beating sync.WaitGroup
	beating.Go(func() { s.heartbeat(ctx) })
	defer beating.Wait()

	for back := false; ; {
		recovered, wait, err := s.round(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil || errors.Is(err, errNoDeliveryAPI) {
			switch {
			case !back && !from.IsZero():
				log.Info().Time("from", from).Time("to", to).Int("recovered", recovered).
					Msgf("was down from %s to %s, %d recovered", from.Format(time.RFC3339), to.Format(time.RFC3339), recovered)
			case recovered > 0:
				log.Info().Int("recovered", recovered).Msgf("%d failed deliveries recovered", recovered)
			}
			back = true
		}
		if errors.Is(err, errNoDeliveryAPI) {
			log.Warn().Msg("this GitHub has no list of webhook deliveries: what does not arrive cannot be asked for again")
			<-ctx.Done()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-s.cfg.Clock.After(wait):
		}
	}
}

// round sweeps once and says how long to wait for the next.
func (s *Sweeper) round(ctx context.Context) (recovered int, wait time.Duration, err error) {
	recovered, err = s.Sweep(ctx)
	s.recovered.Add(float64(recovered))
	wait = s.scaled(s.cfg.Interval)
	if err == nil || errors.Is(err, errNoDeliveryAPI) || ctx.Err() != nil {
		return recovered, wait, err
	}
	if until, limited := s.cfg.Limited(err); limited {
		wait = max(wait, s.cfg.Clock.Until(until))
	}
	zerolog.Ctx(ctx).Warn().Err(err).Dur("retry_in", wait).Msg("failed deliveries could not be asked for")
	return recovered, wait, err
}

func (s *Sweeper) scaled(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)/s.cfg.Scale), time.Millisecond)
}

// heartbeat records that we are up, and at the end the moment of it.
func (s *Sweeper) heartbeat(ctx context.Context) {
	tick := s.cfg.Clock.NewTicker(heartbeatInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.Chan():
			s.beat(ctx)
		case <-ctx.Done():
			s.beat(context.WithoutCancel(ctx))
			return
		}
	}
}

func (s *Sweeper) beat(ctx context.Context) {
	err := s.cfg.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return store.SetMoment(ctx, tx, momentUp, s.cfg.Clock.Now())
	})
	if err != nil && ctx.Err() == nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("heartbeat could not be recorded")
	}
}

// Stored tells the sweeper of deliveries that have come. It does not block.
func (s *Sweeper) Stored(guids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.awaited) == 0 {
		return
	}
	for _, g := range guids {
		delete(s.awaited, g)
	}
	s.signalSettled()
}

func (s *Sweeper) signalSettled() {
	if len(s.awaited) == 0 {
		select {
		case s.settled <- struct{}{}:
		default:
		}
	}
}

func isNotFound(err error) bool {
	var e *github.ErrorResponse
	return errors.As(err, &e) && e.Response != nil && e.Response.StatusCode == http.StatusNotFound
}

func isAccepted(err error) bool {
	var e *github.AcceptedError
	return errors.As(err, &e)
}
