package githubapi

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/queue"
)

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
				w.WriteHeader(http.StatusCreated)
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
		f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/repositories/42", http.StatusMovedPermanently)
		})
		f.mux.HandleFunc("GET /repositories/42", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(repoJSON)) })
		if err := getRepo(f.client(5)); err != nil {
			t.Error(err)
		}
	})
	t.Run("but not for ever", func(t *testing.T) {
		f := setup(t)
		f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/repos/acme/site", http.StatusMovedPermanently)
		})
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

func TestGuardKnowsTheOrigin(t *testing.T) {
	g := &guard{origin: &url.URL{Scheme: "https", Host: "ghes.example:8443"}, meter: newMeter(nil), next: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	})}
	for link, fine := range map[string]bool{
		"https://ghes.example:8443/x":              true,
		"https://GHES.example:8443/x":              true,
		"http://ghes.example:8443/x":               false,
		"https://ghes.example/x":                   false,
		"https://ghes.example.evil.example:8443/x": false,
		"https://evil.example/ghes.example:8443":   false,
	} {
		_, err := g.RoundTrip(httptest.NewRequest(http.MethodGet, link, nil))
		if refused := isType[*HostError](err, 0); refused == fine {
			t.Errorf("%s: %v", link, err)
		}
	}
}
