package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"
)

// attempt is a delivery as GitHub lists it.
type attempt struct {
	ID          int64     `json:"id"`
	GUID        string    `json:"guid"`
	DeliveredAt time.Time `json:"delivered_at"`
	Redelivery  bool      `json:"redelivery"`
	Status      string    `json:"status"`
	StatusCode  int       `json:"status_code"`
	Event       string    `json:"event"`
	Repository  int64     `json:"repository_id"`
}

// gitHub lists deliveries and repeats them on request, over HTTP.
type gitHub struct {
	t     *testing.T
	clock *clockwork.FakeClock
	hook  *httptest.Server // where redeliveries go

	mu       sync.Mutex
	attempts []attempt // newest first
	lists    int
	asked    map[string]int
	broken   bool // redeliveries fail as well
	answer   int  // instead of the list or, above 1000, of redeliveries
	perPage  int
}

func (g *gitHub) add(guid string, age time.Duration, code int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.attempts = append([]attempt{{
		ID: int64(len(g.attempts) + 1), GUID: guid, DeliveredAt: g.clock.Now().Add(-age),
		Status: "x", StatusCode: code, Event: "push",
	}}, g.attempts...)
}

func (g *gitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.answer != 0 {
		w.WriteHeader(g.answer)
		return
	}
	if r.Method == http.MethodGet {
		g.lists++
		from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
		to := min(from+g.perPage, len(g.attempts))
		if to < len(g.attempts) {
			w.Header().Set("Link", fmt.Sprintf(`<http://%s/app/hook/deliveries?cursor=%d>; rel="next"`, r.Host, to))
		}
		_ = json.NewEncoder(w).Encode(g.attempts[from:to]) //nolint:errchkjson // these times can be encoded
		return
	}
	id, _ := strconv.ParseInt(path.Base(path.Dir(r.URL.Path)), 10, 64)
	for _, a := range g.attempts {
		if a.ID != id {
			continue
		}
		g.asked[a.GUID]++
		again := a
		again.ID, again.Redelivery, again.DeliveredAt, again.StatusCode = int64(len(g.attempts)+1), true, g.clock.Now(), 503
		if !g.broken {
			again.StatusCode, _, _ = hook{guid: a.GUID}.post(g.t, g.hook)
		}
		g.attempts = append([]attempt{again}, g.attempts...)
		break
	}
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write([]byte(`{}`))
}

func (g *gitHub) wants(t *testing.T, want map[string]int) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.asked) != len(want) {
		t.Errorf("asked for %v, want %v", g.asked, want)
	}
	for guid, n := range want {
		if g.asked[guid] != n {
			t.Errorf("asked for %v, want %v", g.asked, want)
		}
	}
}

// sweeping is a house with a sweeper and a GitHub.
func sweeping(t *testing.T) (*house, *gitHub, *Sweeper) {
	t.Helper()
	clock := clockwork.NewFakeClock()
	var sweeper *Sweeper
	g := &gitHub{t: t, clock: clock, asked: map[string]int{}, perPage: 2}
	api := httptest.NewServer(g)
	t.Cleanup(api.Close)
	client := github.NewClient(api.Client())
	client.BaseURL, _ = url.Parse(api.URL + "/")
	h := openHouse(t, func(c *InboxConfig) {
		c.Clock = clock
		var err error
		sweeper, err = NewSweeper(SweeperConfig{
			Store: c.Store, API: client.Apps, Clock: clock, Registerer: c.Registerer,
			Limited: func(err error) (time.Time, bool) {
				return clock.Now().Add(time.Hour), strings.Contains(err.Error(), "429")
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Stored = sweeper.Stored
	})
	g.hook = serve(t, h)
	return h, g, sweeper
}

func TestSweep(t *testing.T) {
	h, g, s := sweeping(t)
	ctx := context.Background()
	if err := h.inbox.Schedule(ctx, dispatch("acked-but-answer-lost")); err != nil {
		t.Fatal(err)
	}
	g.add("forgotten", sweepWindow+time.Minute, 503)
	g.add("oldest", sweepWindow-time.Minute, 503)
	g.add("refused", time.Hour, 503)
	g.add("unreachable", time.Hour, 0)
	g.add("fine", time.Hour, 202)
	g.add("second-try", time.Hour, 503)
	g.add("second-try", 50*time.Minute, 200)
	g.add("acked-but-answer-lost", time.Hour, 0)
	g.add("twice", 2*time.Hour, 500)
	g.add("twice", time.Hour, 500)

	n, err := s.Sweep(ctx)
	if err != nil || n != 4 {
		t.Errorf("%d recovered, %v; want 4", n, err)
	}
	once := map[string]int{"oldest": 1, "refused": 1, "unreachable": 1, "twice": 1}
	g.wants(t, once)
	if got := count(t, h.store, `SELECT COUNT(*) FROM test_jobs`); got != 5 {
		t.Errorf("%d jobs, want one for each delivery", got)
	}

	// Nothing new: the next sweep reads what overlaps and asks for nothing.
	g.lists = 0
	g.clock.Advance(time.Hour)
	if n, err := s.Sweep(ctx); err != nil || n != 0 {
		t.Errorf("second sweep: %d recovered, %v", n, err)
	}
	g.wants(t, once)
	if g.lists > 3 { // 4 redeliveries on pages of 2, and where the old ones begin
		t.Errorf("second sweep read %d pages", g.lists)
	}
}

func TestBrokenEndpointIsNotHammered(t *testing.T) {
	_, g, s := sweeping(t)
	g.broken = true
	g.add("lost", time.Minute, 503)
	when := map[int]time.Duration{} // request to when it was made
	for at := time.Duration(0); at < 12*time.Hour; at += DefaultSweepInterval {
		before := g.asked["lost"]
		sweepNow(t, g, s)
		if n := g.asked["lost"]; n > before+1 {
			t.Fatalf("%d requests in one sweep", n-before)
		} else if n > before {
			when[n] = at
		}
		g.clock.Advance(DefaultSweepInterval)
	}
	g.wants(t, map[string]int{"lost": maxRequests})
	for n, pause := range []time.Duration{5 * time.Minute, 20 * time.Minute, 80 * time.Minute, 320 * time.Minute} {
		if got := when[n+2] - when[n+1]; got < pause {
			t.Errorf("%v between request %d and the next, want at least %v", got, n+1, pause)
		}
	}
}

// sweepNow sweeps and lets the time pass that the sweep waits for arrivals.
func sweepNow(t *testing.T, g *gitHub, s *Sweeper) {
	t.Helper()
	done := make(chan error, 1)
	go func() { _, err := s.Sweep(context.Background()); done <- err }()
	waits := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(waits)
		if g.clock.BlockUntilContext(ctx, 1) == nil {
			g.clock.Advance(settleTime)
		}
	}()
	err := receive(t, done)
	cancel()
	<-waits
	if err != nil {
		t.Fatal(err)
	}
}

func TestRecoveryLater(t *testing.T) {
	_, g, s := sweeping(t)
	g.broken = true
	g.add("lost", time.Minute, 503)
	sweepNow(t, g, s)
	g.broken = false
	g.clock.Advance(DefaultSweepInterval)
	if n, err := s.Sweep(context.Background()); err != nil || n != 1 {
		t.Errorf("%d recovered, %v", n, err)
	}
}

// lines waits for log lines.
type lines struct{ got chan string }

func (l lines) Write(p []byte) (int, error) {
	l.got <- string(bytes.Clone(p))
	return len(p), nil
}

func (l lines) next(t *testing.T) (line map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(receive(t, l.got)), &line); err != nil {
		t.Fatal(err)
	}
	return line
}

func TestRunSaysWhatWasMissed(t *testing.T) {
	h, g, s := sweeping(t)
	log := lines{make(chan string, 64)}
	live := func() (stop func()) {
		ctx, cancel := context.WithCancel(zerolog.New(log).WithContext(context.Background()))
		done := make(chan struct{})
		go func() { defer close(done); s.Run(ctx) }()
		if err := g.clock.BlockUntilContext(ctx, 2); err != nil { // heartbeat and next sweep
			t.Fatal(err)
		}
		return func() { cancel(); <-done }
	}
	stop := live() // the first start ever has nothing to say
	g.clock.Advance(10 * time.Second)
	down := g.clock.Now().UTC()
	stop()
	if from, _ := s.Downtime(); !from.IsZero() {
		t.Errorf("the first start ever follows a downtime from %s", from)
	}
	if len(log.got) != 0 {
		t.Errorf("first start says %s", <-log.got)
	}

	g.clock.Advance(time.Hour)
	g.add("missed", 30*time.Minute, 0)
	up := g.clock.Now().UTC()
	stop = live()
	defer stop()
	if from, to := s.Downtime(); !from.Equal(down.Truncate(time.Millisecond)) || !to.Equal(up) {
		t.Errorf("down from %s to %s, want %s to %s", from, to, down, up)
	}
	want := fmt.Sprintf("was down from %s to %s, 1 recovered", down.Format(time.RFC3339), up.Format(time.RFC3339))
	if line := log.next(t); line["message"] != want {
		t.Errorf("says %v, want %q", line, want)
	}
	if got := testutil.ToFloat64(s.recovered); got != 1 {
		t.Errorf("metric says %v", got)
	}
	if got := count(t, h.store, `SELECT COUNT(*) FROM deliveries WHERE guid = 'missed'`); got != 1 {
		t.Error("the missed delivery is not stored")
	}

	// Another one fails while we run: the next sweep fetches it.
	g.add("later", 0, 503)
	if err := g.clock.BlockUntilContext(t.Context(), 2); err != nil { // it says so before it waits for the next sweep
		t.Fatal(err)
	}
	g.clock.Advance(DefaultSweepInterval)
	if line := log.next(t); line["message"] != "1 failed deliveries recovered" {
		t.Errorf("says %v", line)
	}
}

func TestSweepRefused(t *testing.T) {
	for _, tt := range []struct {
		answer int
		level  string
		waits  time.Duration
	}{
		{http.StatusNotFound, "warn", 0},
		{http.StatusTooManyRequests, "warn", time.Hour},
		{http.StatusInternalServerError, "warn", DefaultSweepInterval},
	} {
		t.Run(strconv.Itoa(tt.answer), func(t *testing.T) {
			_, g, s := sweeping(t)
			g.answer = tt.answer
			log := lines{make(chan string, 64)}
			ctx, cancel := context.WithCancel(zerolog.New(log).WithContext(context.Background()))
			done := make(chan struct{})
			go func() { defer close(done); s.Run(ctx) }()
			line := log.next(t)
			if line["level"] != tt.level {
				t.Errorf("says %v", line)
			}
			g.mu.Lock()
			g.answer = 0
			g.mu.Unlock()
			g.add("lost", 0, 503)
			if tt.waits == 0 { // disabled for good: only the heartbeat is left
				_ = g.clock.BlockUntilContext(ctx, 1)
				g.clock.Advance(24 * time.Hour)
				cancel()
				<-done
				g.wants(t, nil)
				return
			}
			_ = g.clock.BlockUntilContext(ctx, 2)
			g.clock.Advance(tt.waits - time.Second)
			g.wants(t, nil)
			g.clock.Advance(time.Second)
			if line := log.next(t); line["message"] != "1 failed deliveries recovered" {
				t.Errorf("says %v", line)
			}
			cancel()
			<-done
		})
	}
}
