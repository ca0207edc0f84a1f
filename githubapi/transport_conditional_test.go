package githubapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

const repoJSON = `{"id":42,"name":"site","full_name":"acme/site","default_branch":"main"}` + "\n"

// conditionally serves repoJSON with an ETag and counts full answers and 304s.
func conditionally(full, not *atomic.Int32, write func(http.ResponseWriter)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Etag", `W/"v1"`)
		h.Set("Cache-Control", "private, max-age=60, s-maxage=60")
		h.Set("Vary", "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With")
		h.Set("Content-Type", "application/json")
		if r.Header.Get("If-None-Match") == `W/"v1"` {
			not.Add(1)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		full.Add(1)
		write(w)
	}
}

// Go-github reads a JSON value and stops, GitHub says max-age=60, and tokens
// change: all the same every request after the first must cost a 304 only.
func TestRevalidates(t *testing.T) {
	gzipped := func(flush bool) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write([]byte(repoJSON))
			if flush { // the trailer then comes in a piece of its own (httpcache#94)
				z.Flush()
				w.(http.Flusher).Flush()
			}
			z.Close()
		}
	}
	bodies := map[string]func(http.ResponseWriter){
		"content length": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", fmt.Sprint(len(repoJSON)))
			w.Write([]byte(repoJSON))
		},
		"chunked": func(w http.ResponseWriter) {
			w.Write([]byte(repoJSON[:20]))
			w.(http.Flusher).Flush()
			w.Write([]byte(repoJSON[20:]))
			w.(http.Flusher).Flush()
		},
		"gzip":         gzipped(false),
		"gzip flushed": gzipped(true),
	}
	for name, write := range bodies {
		for _, rotate := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, rotation %t", name, rotate), func(t *testing.T) {
				f := setup(t)
				if rotate {
					f.lifetime = time.Second // below ghinstallation's margin: a new token each time
				}
				var full, not atomic.Int32
				f.mux.HandleFunc("GET /repos/acme/site", conditionally(&full, &not, write))
				const n = 10
				for i := range n {
					r, resp, err := f.client(5).Repositories.Get(context.Background(), "acme", "site")
					if err != nil || r.GetID() != 42 || resp.StatusCode != http.StatusOK {
						t.Fatalf("request %d: %v, id %d, status %d", i, err, r.GetID(), resp.StatusCode)
					}
				}
				t.Logf("%d requests: %d full, %d × 304, %d tokens", n, full.Load(), not.Load(), f.tokens)
				if full.Load() != 1 || not.Load() != n-1 {
					t.Errorf("got %d full and %d × 304, want 1 and %d", full.Load(), not.Load(), n-1)
				}
				if want := map[bool]int{false: 1, true: n}[rotate]; f.tokens != want {
					t.Errorf("minted %d tokens, want %d", f.tokens, want)
				}
				if got := testutil.ToFloat64(f.clients.meter.cacheUse.WithLabelValues("revalidated")); got != n-1 {
					t.Errorf("metric counts %v revalidations, want %d", got, n-1)
				}
			})
		}
	}
}

func TestRevalidatesOverHTTP2(t *testing.T) {
	var full, not atomic.Int32
	answer := conditionally(&full, &not, func(w http.ResponseWriter) { w.Write([]byte(repoJSON)); w.(http.Flusher).Flush() })
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("spoke %s", r.Proto)
		}
		if strings.HasSuffix(r.URL.Path, "/access_tokens") {
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":"ghs","expires_at":"2999-01-01T00:00:00Z"}`)
			return
		}
		answer(w, r)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	clients, err := New(Config{BaseURL: srv.URL, AppID: 1, PrivateKey: testKey(), Transport: srv.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	defer clients.Close()
	client, _ := clients.Installation(5)
	for range 5 {
		if _, _, err := client.Repositories.Get(context.Background(), "acme", "site"); err != nil {
			t.Fatal(err)
		}
	}
	if full.Load() != 1 || not.Load() != 4 {
		t.Errorf("got %d full and %d × 304, want 1 and 4", full.Load(), not.Load())
	}
}

// The App's own requests are signed by a JWT that is new each time.
func TestRevalidatesAsApp(t *testing.T) {
	f := setup(t)
	var full, not atomic.Int32
	f.mux.HandleFunc("GET /app/installations", conditionally(&full, &not, func(w http.ResponseWriter) { w.Write([]byte(`[{"id":5}]`)) }))
	for range 4 {
		if _, _, err := f.clients.App().Apps.ListInstallations(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if full.Load() != 1 || not.Load() != 3 {
		t.Errorf("got %d full and %d × 304, want 1 and 3", full.Load(), not.Load())
	}
}

func TestCacheHoldsNoSecrets(t *testing.T) {
	f := setup(t)
	var full, not atomic.Int32
	answer := conditionally(&full, &not, func(w http.ResponseWriter) { w.Write([]byte(repoJSON)) })
	f.mux.HandleFunc("GET /repos/acme/site", answer)
	f.mux.HandleFunc("GET /app/installations/5", answer)
	f.mux.HandleFunc("GET /repos/acme/site/actions/jobs/1/logs", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"x"`)
		http.Redirect(w, r, "https://logs.example/x?sig=secret", http.StatusFound)
	})
	for range 2 {
		if _, _, err := f.client(5).Repositories.Get(context.Background(), "acme", "site"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.clients.App().Apps.GetInstallation(context.Background(), 5); err != nil {
			t.Fatal(err)
		}
		link, _, err := f.client(5).Actions.GetWorkflowJobLogs(context.Background(), "acme", "site", 1, 0)
		if err != nil || link.Host != "logs.example" {
			t.Fatalf("link %v, %v", link, err)
		}
	}
	for id, m := range f.clients.caches {
		if m.lru.Len() == 0 {
			t.Errorf("cache of %d is empty: the test proves nothing", id)
		}
		for _, v := range m.lru.Values() {
			for _, secret := range []string{"ghs_", "Bearer", "sig=secret", "Authorization:"} {
				if bytes.Contains(v, []byte(secret)) {
					t.Errorf("cache of %d holds %q:\n%s", id, secret, v)
				}
			}
		}
	}
}

// One failure in between costs one request, not all validators.
func TestCacheOutlivesFailures(t *testing.T) {
	f := setup(t)
	var full, not atomic.Int32
	var broken atomic.Bool
	answer := conditionally(&full, &not, func(w http.ResponseWriter) { w.Write([]byte(repoJSON)) })
	f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		answer(w, r)
	})
	get := func() error {
		_, _, err := f.client(5).Repositories.Get(context.Background(), "acme", "site")
		return err
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	if err := get(); err == nil {
		t.Error("a 502 was answered from the cache")
	}
	broken.Store(false)
	if err := get(); err != nil || full.Load() != 1 || not.Load() != 1 {
		t.Errorf("%v: %d full and %d × 304, want 1 and 1", err, full.Load(), not.Load())
	}
}

func TestChangedAnswerIsSeen(t *testing.T) {
	f := setup(t)
	var version atomic.Int32
	f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) {
		tag := fmt.Sprintf(`"%d"`, version.Load())
		w.Header().Set("Etag", tag)
		w.Header().Set("Cache-Control", "private, max-age=60")
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprintf(w, `{"id":%d}`, version.Load())
	})
	for want := range int32(4) {
		version.Store(want)
		for range 2 {
			r, _, err := f.client(5).Repositories.Get(context.Background(), "acme", "site")
			if err != nil || r.GetID() != int64(want) {
				t.Fatalf("got id %d, %v, want %d", r.GetID(), err, want)
			}
		}
	}
}

func TestAnswersThatAreNotKept(t *testing.T) {
	for name, write := range map[string]http.HandlerFunc{
		"too large, length known": func(w http.ResponseWriter, r *http.Request) {
			body := `{"id":1,"description":"` + strings.Repeat("x", maxCachedAnswer) + `"}`
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			w.Write([]byte(body))
		},
		"too large, chunked": func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			w.Write([]byte(`{"id":1,"description":"` + strings.Repeat("x", maxCachedAnswer) + `"}`))
		},
		"broken off": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte(`{"id":1}`))
			panic(http.ErrAbortHandler)
		},
		"not found": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotFound) },
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("If-None-Match") != "" {
					t.Error("asked with a validator")
				}
				w.Header().Set("Etag", `"e"`)
				write(w, r)
			})
			for range 2 {
				f.client(5).Repositories.Get(context.Background(), "acme", "site")
			}
			if n := f.count("GET /repos/acme/site"); n < 2 {
				t.Fatalf("%d requests, want 2", n)
			}
		})
	}
}

func TestHeadPassesTheCacheBy(t *testing.T) {
	f := setup(t)
	var full, not atomic.Int32
	f.mux.HandleFunc("/repos/acme/site", conditionally(&full, &not, func(w http.ResponseWriter) {}))
	for range 2 {
		req, _ := f.client(5).NewRequest(http.MethodHead, "repos/acme/site", nil)
		if resp, err := f.client(5).Do(context.Background(), req, nil); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(err)
		}
	}
}
