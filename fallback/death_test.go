package fallback

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"modernc.org/sqlite"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
)

// life is a process that dies after one of its acts. An act is a commit, or a
// request by which GitHub did something. What comes after its last act does not
// happen: no commit reaches the disk and no request reaches GitHub, until the
// next process begins. All that a process can leave behind is what it left after
// one of its acts, so dying after each of them in turn is dying everywhere.
type life struct {
	path string
	next http.RoundTripper

	mu    sync.Mutex
	on    bool     // acts count
	acts  []string // by name
	last  int      // the act after which it dies, from 1; 0: never
	dead  bool
	lives int
}

// lives are those of databases by path: a hook of SQLite's knows no more.
var lives sync.Map

func init() {
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, dsn string) error {
		path, _, _ := strings.Cut(strings.TrimPrefix(dsn, "file:"), "?")
		path, err := url.PathUnescape(path)
		hooks, ok := conn.(sqlite.HookRegisterer)
		if err != nil || !ok {
			return fmt.Errorf("watch commits of %s: %T, %w", dsn, conn, err)
		}
		written := map[string]bool{} // tables, by the transaction; a connection has one at a time
		hooks.RegisterPreUpdateHook(func(d sqlite.SQLitePreUpdateData) { written[d.TableName] = true })
		hooks.RegisterRollbackHook(func() { clear(written) })
		hooks.RegisterCommitHook(func() int32 {
			name := "commit " + strings.Join(slices.Sorted(maps.Keys(written)), " ")
			clear(written)
			l, ok := lives.Load(path)
			switch {
			case !ok || name == "commit ": // which leaves nothing behind
				return 0
			case l.(*life).act(name):
				return 0
			}
			return 1 // turns it into a rollback
		})
		return nil
	})
}

// mortal gives a bench's process its end, after the act with the number last.
func mortal(b *bench, last int) *life {
	b.Helper()
	l := &life{path: b.store.Path(), last: last, next: &http.Transport{}, lives: 1}
	lives.Store(l.path, l)
	b.Cleanup(func() { lives.Delete(l.path) })
	clients, err := githubapi.New(githubapi.Config{BaseURL: b.gh.URL(), AppID: b.gh.AppID, PrivateKey: b.gh.PrivateKeyPEM(), Clock: b.clock, Transport: l})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(clients.Close)
	b.life, b.clients = l, clients
	b.restart()
	return l
}

// begin has acts count from now on.
func (l *life) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = true
}

// act says whether an act may happen, and counts it.
func (l *life) act(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead || !l.on {
		return !l.dead
	}
	l.acts = append(l.acts, name)
	l.dead = len(l.acts) == l.last
	return true
}

// ended says whether the process is dead.
func (l *life) ended() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// again is the next process.
func (l *life) again() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		l.dead, l.lives = false, l.lives+1
	}
}

// RoundTrip sends a request of the process. The answer to its last one is lost.
func (l *life) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.ended() {
		return nil, errCrash
	}
	resp, err := l.next.RoundTrip(r)
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead || strings.HasSuffix(r.URL.Path, "/access_tokens")
	if err != nil || reads || resp.StatusCode/100 != 2 {
		return resp, err
	}
	if l.act(r.Method+" "+r.URL.Path) && !l.ended() {
		return resp, nil
	}
	_ = resp.Body.Close()
	return nil, errCrash
}

// CloseIdleConnections is for the clients' Close.
func (l *life) CloseIdleConnections() { l.next.(*http.Transport).CloseIdleConnections() }

// survive does f, and again in the next process when this one dies meanwhile,
// as whoever asked it would.
func (b *bench) survive(f func() error) {
	b.Helper()
	for {
		err := f()
		if b.life.ended() {
			b.restart()
			continue
		}
		if err != nil {
			b.Fatal(err)
		}
		return
	}
}

// The bench's own death: what was committed stays, what comes after is refused.
func TestDeath(t *testing.T) {
	b := newBench(t, config.Workflow{})
	l := mortal(b, 2)
	pause := func() error {
		_, err := b.engine.Pause(b.ctx, PauseRequest{Actor: "octocat"})
		return err
	}
	l.begin()
	b.listed("one")
	b.listed("two")
	if !l.ended() {
		t.Fatal("it lives on after its last act")
	}
	if err := pause(); err == nil {
		t.Error("a dead process has committed")
	}
	if _, err := runs.Get(b.ctx, b.client(), b.at, 1); err == nil || !strings.Contains(err.Error(), errCrash.Error()) {
		t.Errorf("a dead process has asked GitHub: %v", err)
	}
	b.restart()
	list, err := b.engine.Pauses(b.ctx, true)
	if err != nil || len(list) != 0 || l.ended() || l.lives != 2 {
		t.Errorf("pauses %v, %v, %d lives", list, err, l.lives)
	}
	if err := pause(); err != nil {
		t.Error(err)
	}
}
