package githubapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestReachable: three failures in a row are an absence, the next answer ends
// it, and a refusal is an answer.
func TestReachable(t *testing.T) {
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"id":1}`))
	}))
	defer srv.Close()
	clients, err := New(Config{BaseURL: srv.URL, AppID: 1, PrivateKey: testKey()})
	if err != nil {
		t.Fatal(err)
	}
	defer clients.Close()
	ask := func(code int) error {
		status = code
		_, _, _ = clients.App().Apps.Get(t.Context(), "")
		return clients.Reachable()
	}
	for i, step := range []struct {
		code int
		away bool
	}{{200, false}, {502, false}, {502, false}, {502, true}, {503, true}, {401, false}, {500, false}, {200, false}} {
		err := ask(step.code)
		if (err != nil) != step.away {
			t.Errorf("request %d, answered %d: %v, want away %v", i, step.code, err, step.away)
		}
		if step.away && !strings.Contains(err.Error(), "no answer since") {
			t.Errorf("request %d: %v", i, err)
		}
	}
}
