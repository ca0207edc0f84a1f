package githubapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/redundancy-app/redundancy/queue"
)

func TestIdentifiesItself(t *testing.T) {
	f := setup(t)
	agents := make(chan string, 3)
	next := f.srv.Config.Handler
	f.srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agents <- r.Header.Get("User-Agent")
		next.ServeHTTP(w, r)
	})
	f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(repoJSON)) })
	if err := getRepo(f.client(5)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the token, the request
		if a := <-agents; !strings.HasPrefix(a, "redundancy/1.2.3") {
			t.Errorf("user agent %q", a)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"http beyond loopback": {func(c *Config) { c.BaseURL = "http://ghes.example/api/v3" }, "must be https"},
		"no host":              {func(c *Config) { c.BaseURL = "https://" }, "want https://"},
		"credentials in it":    {func(c *Config) { c.BaseURL = "https://u:hunter2@ghes.example" }, "want https://"},
		"a query":              {func(c *Config) { c.BaseURL = "https://ghes.example/?x=1" }, "want https://"},
		"no app id":            {func(c *Config) { c.AppID = 0 }, "app id 0"},
		"no key":               {func(c *Config) { c.PrivateKey = nil }, "private key"},
		"a wrong key":          {func(c *Config) { c.PrivateKey = []byte("-----BEGIN X-----\nhunter2\n-----END X-----\n") }, "private key"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{AppID: 1, PrivateKey: testKey()}
			tc.change(&cfg)
			_, err := New(cfg)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %v, want one with %q and no secret", err, tc.want)
			}
		})
	}
	for _, fine := range []string{"", "https://ghes.example/api/v3", "http://127.0.0.1:1/api/v3", "http://localhost:1", "http://[::1]:1"} {
		if _, err := New(Config{BaseURL: fine, AppID: 1, PrivateKey: testKey()}); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
	}
}

func TestClientsAreSharedBoundedAndForgotten(t *testing.T) {
	f := setup(t, func(c *Config) { c.Capacity = 2 })
	f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"1"`)
		w.Write([]byte(repoJSON))
	})
	one := f.client(1)
	if f.client(1) != one {
		t.Error("two clients of one installation")
	}
	for id := int64(1); id <= 4; id++ {
		if err := getRepo(f.client(id)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(f.clients.caches); n != 3 { // the App and two installations
		t.Errorf("%d caches, want 3", n)
	}
	f.clients.Forget(3)
	f.clients.Forget(4)
	if got := f.clients.cache.bytes(); got != 0 {
		t.Errorf("%d bytes are kept of forgotten installations", got)
	}
	if err := getRepo(one); err != nil { // handed out before
		t.Error(err)
	}
	if got := f.clients.cache.bytes(); got != 0 {
		t.Errorf("a forgotten client still stores %d bytes", got)
	}
	if _, err := f.clients.Installation(0); err == nil {
		t.Error("installation 0 was accepted")
	}
}

func TestBaseURLWithPath(t *testing.T) {
	f := setup(t, func(c *Config) { c.BaseURL += "/api/v3" })
	f.mux.HandleFunc("GET /api/v3/repos/acme/site", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(repoJSON)) })
	if err := getRepo(f.client(5)); err != nil {
		t.Fatal(err)
	}
	if f.count("POST /api/v3/app/installations/5/access_tokens") != 1 {
		t.Errorf("token minted elsewhere: %v", f.requests)
	}
	if got := testutil.ToFloat64(f.clients.meter.requests.WithLabelValues("GET /repos/{}/{}", "200")); got != 1 {
		t.Errorf("metric without the prefix: %v", got)
	}
}

// comment is a write: whether it was done must never be guessed.
func comment(c *github.Client) error {
	_, _, err := c.Issues.CreateComment(context.Background(), "acme", "site", 1, &github.IssueComment{Body: github.String("x")})
	return err
}

const commentPath = "/repos/acme/site/issues/1/comments"

// A connection that breaks after the request was read: sent once, outcome unknown.
func TestWritesAreNeverRepeated(t *testing.T) {
	for name, end := range map[string]func(http.ResponseWriter){
		"reset": func(w http.ResponseWriter) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		},
		"closed": func(w http.ResponseWriter) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
		},
		"half an answer": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(201)
			w.Write([]byte(`{"id":`))
			panic(http.ErrAbortHandler)
		},
		"500": func(w http.ResponseWriter) { w.WriteHeader(500) },
		"502": func(w http.ResponseWriter) { w.WriteHeader(502) },
		"no JSON": func(w http.ResponseWriter) {
			w.WriteHeader(201)
			w.Write([]byte("<html>"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(repoJSON)) })
			f.mux.HandleFunc("POST "+commentPath, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				end(w)
			})
			if err := getRepo(f.client(5)); err != nil { // so that the connection is a used one, which net/http retries on
				t.Fatal(err)
			}
			err := comment(f.client(5))
			if n := f.count("POST " + commentPath); n != 1 {
				t.Errorf("sent %d times", n)
			}
			if got := Outcome(err); got != Unknown {
				t.Errorf("outcome %s of %v, want unknown", got, err)
			}
			if v := Classify(f.clock)(err); v.Action != queue.Retry {
				t.Errorf("verdict %+v", v)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	for name, where := range map[string]func(http.ResponseWriter){
		"before the answer": func(http.ResponseWriter) {},
		"within its body":   func(w http.ResponseWriter) { w.Write([]byte(`{"id":`)); w.(http.Flusher).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t, func(c *Config) { c.Timeout = 100 * time.Millisecond })
			f.mux.HandleFunc("POST "+commentPath, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				where(w)
				<-r.Context().Done()
			})
			err := comment(f.client(5))
			if v := Classify(f.clock)(err); v.Action != queue.Retry || v.Reason != "no answer in time" || Outcome(err) != Unknown {
				t.Errorf("%v: verdict %+v, outcome %s", err, v, Outcome(err))
			}
		})
	}
}

func TestNothingListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	f := setup(t, func(c *Config) { c.BaseURL = "http://" + l.Addr().String() })
	err = comment(f.client(5))
	if Outcome(err) != NotSent || Classify(f.clock)(err).Action != queue.Retry {
		t.Errorf("%v: outcome %s, %+v", err, Outcome(err), Classify(f.clock)(err))
	}
}

func TestRedirects(t *testing.T) {
	t.Run("a write goes on with its body", func(t *testing.T) {
		for _, status := range []int{307, 308} {
			f := setup(t)
			f.mux.HandleFunc("POST "+commentPath, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/repositories/42/issues/1/comments", status)
			})
			f.mux.HandleFunc("POST /repositories/42/issues/1/comments", func(w http.ResponseWriter, r *http.Request) {
				if body, _ := io.ReadAll(r.Body); !strings.Contains(string(body), `"x"`) || r.Header.Get("Authorization") != "token ghs_1" {
					t.Errorf("came with body %q, authorization %q", body, r.Header.Get("Authorization"))
				}
				w.WriteHeader(201)
				w.Write([]byte(`{"id":1}`))
			})
			if err := comment(f.client(5)); err != nil {
				t.Errorf("%d: %v", status, err)
			}
		}
	})
	t.Run("a write does not become a read", func(t *testing.T) {
		for _, status := range []int{301, 302, 303} {
			f := setup(t)
			f.mux.HandleFunc("POST "+commentPath, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", status) })
			f.mux.HandleFunc("/elsewhere", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(`{"id":1}`)) })
			err := comment(f.client(5))
			var re *RedirectError
			if !errors.As(err, &re) || Outcome(err) != Refused || Classify(f.clock)(err).Action != queue.GiveUp {
				t.Errorf("%d: %v", status, err)
			}
			if n := f.count("GET /elsewhere") + f.count("POST /elsewhere"); n != 0 {
				t.Errorf("%d: followed", status)
			}
		}
	})
	t.Run("a read follows a rename", func(t *testing.T) {
		f := setup(t)
		f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/repositories/42", 301) })
		f.mux.HandleFunc("GET /repositories/42", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(repoJSON)) })
		if err := getRepo(f.client(5)); err != nil {
			t.Error(err)
		}
	})
	t.Run("but not for ever", func(t *testing.T) {
		f := setup(t)
		f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/repos/acme/site", 301) })
		if err := getRepo(f.client(5)); err == nil {
			t.Error("no error")
		}
		if n := f.count("GET /repos"); n != 10 {
			t.Errorf("%d requests, want 10", n)
		}
	})
	t.Run("no token leaves the host", func(t *testing.T) {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			t.Errorf("another host was asked, authorization %q", r.Header.Get("Authorization"))
		}))
		defer other.Close()
		for _, status := range []int{301, 302, 307} {
			f := setup(t)
			f.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL+"/x", status) })
			var he *HostError
			if err := getRepo(f.client(5)); !errors.As(err, &he) || Classify(f.clock)(err).Action != queue.GiveUp {
				t.Errorf("%d: %v", status, err)
			}
		}
	})
}

// The breaker's time is gobreaker's own, so it runs in a bubble with a fake one.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent, status atomic.Int32
		status.Store(503)
		next := roundTripper(func(*http.Request) (*http.Response, error) {
			sent.Add(1)
			if status.Load() == 0 {
				return nil, errors.New("connection reset")
			}
			return &http.Response{StatusCode: int(status.Load()), Header: http.Header{}, Body: http.NoBody}, nil
		})
		b := newBreaker(Config{BaseURL: "https://ghes.example", Clock: clockwork.NewRealClock(), BreakerFailures: 3, BreakerOpen: 30 * time.Second}, newMeter(nil), next)
		call := func(ctx context.Context) error {
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://ghes.example/x", nil)
			resp, err := b.RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			return err
		}
		ctx := context.Background()
		call(ctx)
		call(ctx)
		status.Store(404) // an answer: GitHub works
		call(ctx)
		status.Store(0)
		call(ctx)
		call(ctx)
		if err := call(ctx); errors.As(err, new(*UnavailableError)) || sent.Load() != 6 {
			t.Fatalf("opened early: %v after %d", err, sent.Load())
		}
		err := call(ctx)
		var down *UnavailableError
		if !errors.As(err, &down) || sent.Load() != 6 {
			t.Fatalf("not open: %v after %d", err, sent.Load())
		}
		until := time.Now().Add(30 * time.Second)
		if v := Classify(clockwork.NewRealClock())(err); v.Action != queue.SnoozeUntil || !v.Until.Equal(until) || Outcome(err) != NotSent {
			t.Errorf("verdict %+v, want until %s", v, until)
		}
		time.Sleep(31 * time.Second)
		if call(ctx); sent.Load() != 7 { // the probe fails
			t.Errorf("no probe: %d", sent.Load())
		}
		if call(ctx); sent.Load() != 7 {
			t.Errorf("open again, and still sent: %d", sent.Load())
		}
		time.Sleep(31 * time.Second)
		status.Store(200)
		for range 3 {
			if err := call(ctx); err != nil {
				t.Errorf("closed: %v", err)
			}
		}
	})
}

// A job that is cancelled says nothing about GitHub.
func TestCancelledCallsDoNotOpenTheBreaker(t *testing.T) {
	f := setup(t, func(c *Config) { c.BreakerFailures = 2 })
	f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(repoJSON)) })
	arrived := make(chan struct{})
	f.mux.HandleFunc("GET /repos/acme/slow", func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	for range 5 {
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-arrived; cancel() }()
		if _, _, err := f.client(5).Repositories.Get(ctx, "acme", "slow"); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
	if err := getRepo(f.client(5)); err != nil {
		t.Error(err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestCacheBudgets(t *testing.T) {
	p := &cachePool{budget: 100, members: map[*memoryCache]struct{}{}}
	a, b := p.newMember(60), p.newMember(60)
	has := func(m *memoryCache, key string) bool { _, ok := m.Get(key); return ok }
	a.Set("1", bytes.Repeat([]byte("x"), 19))
	a.Set("2", bytes.Repeat([]byte("x"), 19))
	a.Set("3", bytes.Repeat([]byte("x"), 19)) // 60: at its budget
	if !has(a, "1") || a.size != 60 {
		t.Errorf("at the budget: size %d", a.size)
	}
	a.Set("4", bytes.Repeat([]byte("x"), 18)) // 79: the least recently used goes, "2"
	if has(a, "2") || !has(a, "1") || !has(a, "3") || !has(a, "4") {
		t.Error("over the budget: the wrong one went")
	}
	b.Set("1", bytes.Repeat([]byte("x"), 49)) // 59+50: over the total, the larger one gives way
	if p.total > 100 || !has(b, "1") || a.lru.Len() != 2 {
		t.Errorf("over the total: %d, a has %d", p.total, a.lru.Len())
	}
	b.Set("1", bytes.Repeat([]byte("x"), 60)) // larger than a whole cache, its old version is void
	if has(b, "1") || b.size != 0 {
		t.Error("kept what does not fit")
	}
	b.Delete("x")
	a.release()
	if p.total != 0 || has(a, "3") {
		t.Errorf("%d after the release", p.total)
	}
	a.Set("5", nil)
	if has(a, "5") {
		t.Error("a released cache stores")
	}
}

func TestOperations(t *testing.T) {
	for path, want := range map[string]string{
		"/repos/acme/site":    "GET /repos/{}/{}",
		"/repos/actions/runs": "GET /repos/{}/{}",
		"/repos/acme/site/actions/runs/12/rerun-failed-jobs":               "GET /repos/{}/{}/actions/runs/{}/rerun-failed-jobs",
		"/repos/acme/site/git/trees/0123456789abcdef0123456789abcdef01234": "GET /repos/{}/{}/git/trees/{}",
		"/repos/acme/site/contents/.github/workflows/a.yml":                "GET /repos/{}/{}/contents/{}",
		"/repos/acme/site/contents/runs/git":                               "GET /repos/{}/{}/contents/{}",
		"/app/installations/5/access_tokens":                               "GET /app/installations/{}/access_tokens",
		"/app/hook/deliveries":                                             "GET /app/hook/deliveries",
		"/" + strings.Repeat("repos/", 40):                                 "GET /repos/{}/{}/repos/repos/repos/repos/repos/repos/repos/…",
		"/unknown/words":                                                   "GET /{}/{}",
	} {
		req := httptest.NewRequest(http.MethodGet, "http://h/api/v3"+path, nil)
		if got := operationOf("/api/v3", req); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
