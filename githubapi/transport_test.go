package githubapi

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v62/github"
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
			w.WriteHeader(http.StatusCreated)
			w.Write([]byte(`{"id":`))
			panic(http.ErrAbortHandler)
		},
		"500": func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"502": func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		"no JSON": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusCreated)
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

// trackedBody says whether it was closed.
type trackedBody struct {
	io.Reader
	closed bool
}

func (b *trackedBody) Close() error { b.closed = true; return nil }

// ghinstallation and go-github both leave bodies of errors open.
func TestErrorBodiesAreReleased(t *testing.T) {
	for _, size := range []int{0, maxErrorBody - 1, maxErrorBody, maxErrorBody + 1} {
		body := &trackedBody{Reader: strings.NewReader(strings.Repeat("x", size))}
		resp := &http.Response{Body: body}
		if got := len(readError(resp)); got != min(size, maxErrorBody) || !body.closed {
			t.Errorf("%d bytes: read %d, closed %v", size, got, body.closed)
		}
	}
	for name, end := range map[string]func(io.ReadCloser){
		"read":   func(b io.ReadCloser) { io.Copy(io.Discard, b) },
		"closed": func(b io.ReadCloser) { b.Close() },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		end(&timedBody{ReadCloser: io.NopCloser(strings.NewReader("x")), cancel: cancel})
		if ctx.Err() == nil {
			t.Errorf("%s: the time limit still runs", name)
		}
		cancel()
	}
}
