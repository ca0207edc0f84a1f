package githubtest

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// Config says how the double behaves. The zero value is github.com with an App that may do all that redundancy needs.
type Config struct {
	// Clock dates everything the double makes; default the wall clock. Delays of faults and of the network are wall time.
	Clock clockwork.Clock
	// TokenClock judges App JWTs and expires installation tokens; default the wall clock, because ghinstallation knows no other.
	TokenClock clockwork.Clock
	// Log receives one line per call and per delivery; nil is silent.
	Log io.Writer
	// WebhookSecret signs the webhooks; default a fixed test secret.
	WebhookSecret string
	// AppID and AppSlug name the App; default 4242 and redundancy.
	AppID   int64
	AppSlug string
	// Permissions and Events of the App, granted to each installation; default DefaultPermissions and DefaultEvents.
	Permissions map[string]string
	Events      []string
	// RateLimit is the number of requests an installation has per hour; default 5,000.
	RateLimit int
	// ContentPerMinute is the secondary limit of content-creating requests; 0 is none. GitHub's own is 80.
	ContentPerMinute int
	// TreeLimit is the number of entries after which a tree is truncated; default 100,000.
	TreeLimit int
	// HookTimeout is how long a webhook receiver may take; default GitHub's 10 s.
	HookTimeout time.Duration
	// Enterprise behaves as an Enterprise Server that predates return_run_details: the field is refused with 422.
	Enterprise bool
	// TokenETags makes the ETag depend on the token as well, as has been seen on github.com.
	TokenETags bool
	// ClassicTokens issues the 40-character opaque installation tokens instead of the ghs_APPID_JWT form.
	ClassicTokens bool
}

// DefaultPermissions are those an App has when Config.Permissions is nil.
func DefaultPermissions() map[string]string {
	return map[string]string{"metadata": "read", "contents": "write", "checks": "write", "actions": "write", "issues": "write", "pull_requests": "write"}
}

// DefaultEvents are those an App is subscribed to when Config.Events is nil.
func DefaultEvents() []string {
	return []string{"check_run", "check_suite", "issue_comment", "pull_request", "push", "repository_dispatch", "workflow_run"}
}

// wall is for what the network does: delays and durations that no test moves.
var wall = clockwork.NewRealClock()

// Server is a running double. Its methods may be called from several goroutines.
type Server struct {
	AppID int64

	cfg   Config
	clock clockwork.Clock
	desc  *description
	key   *rsa.PrivateKey
	base  string // http://127.0.0.1:port, no slash at the end
	dir   string // holds the git repositories
	http  *http.Server
	post  *http.Client

	ctx    context.Context // ends when the server closes
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu            sync.Mutex
	changed       chan struct{} // closed and replaced at every change of state
	lastID        int64
	users         map[string]*user
	repos         map[string]*Repo // by lower-case owner/name
	moved         map[string]int64 // former lower-case owner/name -> repository
	byID          map[int64]*Repo
	installations []*installation
	tokens        map[string]*token
	rates         map[string]*rate
	faults        []*fault
	calls         []Call
	violations    []string
	hookURL       string
	hooks         hookQueue
	dispatches    []Dispatch
	runner        func(*Run) string
	lag           time.Duration
	created       time.Time
}

// Start opens a double on a random loopback port. It needs the git command. Close it when done.
func Start(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	desc, err := described()
	if err != nil {
		return nil, fmt.Errorf("read description of GitHub: %w", err)
	}
	key, err := appKey()
	if err != nil {
		return nil, fmt.Errorf("make app key: %w", err)
	}
	dir, err := os.MkdirTemp("", "githubtest-")
	if err != nil {
		return nil, fmt.Errorf("make folder for repositories: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), os.RemoveAll(dir))
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		AppID: cfg.AppID, cfg: cfg, clock: cfg.Clock, desc: desc, key: key, base: "http://" + l.Addr().String(), dir: dir,
		ctx: ctx, cancel: cancel, changed: make(chan struct{}), lastID: 1000, created: cfg.Clock.Now(),
		users: map[string]*user{}, repos: map[string]*Repo{}, moved: map[string]int64{}, byID: map[int64]*Repo{},
		tokens: map[string]*token{}, rates: map[string]*rate{},
	}
	s.post = &http.Client{
		Timeout:       cfg.HookTimeout,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 4},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // GitHub does not follow them
	}
	s.userOf(s.botLogin(), "Bot")
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: time.Minute}
	s.work.Add(2)
	go func() { defer s.work.Done(); _ = s.http.Serve(l) }()
	go func() { defer s.work.Done(); s.deliverQueued() }()
	return s, nil
}

func (cfg Config) withDefaults() Config {
	if cfg.Clock == nil {
		cfg.Clock = wall
	}
	if cfg.TokenClock == nil {
		cfg.TokenClock = wall
	}
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	if cfg.Permissions == nil {
		cfg.Permissions = DefaultPermissions()
	}
	if cfg.Events == nil {
		cfg.Events = DefaultEvents()
	}
	setDefault(&cfg.WebhookSecret, "a webhook secret for tests")
	setDefault(&cfg.AppID, 4242)
	setDefault(&cfg.AppSlug, "redundancy")
	setDefault(&cfg.RateLimit, 5000)
	setDefault(&cfg.TreeLimit, 100_000)
	setDefault(&cfg.HookTimeout, 10*time.Second)
	return cfg
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Close stops the server, what it started and every connection, and removes its repositories.
func (s *Server) Close() error {
	s.mu.Lock() // so that nothing is begun after the end was announced
	s.cancel()
	s.mu.Unlock()
	err := s.http.Close()
	s.work.Wait()
	s.post.CloseIdleConnections()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.byID {
		r.git.close()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// URL is the root of the API and of the web pages, without a slash at the end. The API answers under /api/v3 as well.
func (s *Server) URL() string { return s.base }

// Secret is what webhooks are signed with.
func (s *Server) Secret() string { return s.cfg.WebhookSecret }

// SetHook says where webhooks go; "" sends and records none. Only loopback addresses are contacted.
func (s *Server) SetHook(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hookURL = url
}

// Wait returns nil once done reports true. It evaluates done now and again after every call served, webhook answered and
// change of state; done may call any method of the double. It returns the error of ctx when that ends first.
func (s *Server) Wait(ctx context.Context, done func() bool) error {
	for {
		s.mu.Lock()
		ch := s.changed
		s.mu.Unlock()
		if done() {
			return nil
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return fmt.Errorf("wait for the double: %w", ctx.Err())
		case <-s.ctx.Done():
			return errors.New("wait for the double: it was closed")
		}
	}
}

// notify wakes the waiters. The caller holds mu.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// newID is the next identifier; all kinds share one sequence. The caller holds mu.
func (s *Server) newID() int64 {
	s.lastID++
	return s.lastID
}

// do runs f in a goroutine that Close waits for; f ends when s.ctx does. The caller holds mu or is inside such a goroutine.
func (s *Server) do(f func()) {
	if s.ctx.Err() != nil {
		return
	}
	s.work.Add(1)
	go func() { defer s.work.Done(); f() }()
}

// enter makes Close wait for a request that is being served; false means that the server is closing.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.work.Add(1)
	return true
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (s *Server) now() string { return stamp(s.clock.Now()) }
