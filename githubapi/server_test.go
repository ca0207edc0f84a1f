package githubapi

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testKey is a real key, made once: ghinstallation signs with it.
var testKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
})

// api is a GitHub whose answers the test writes; it mints tokens by itself.
type api struct {
	t   *testing.T
	srv *httptest.Server
	mux *http.ServeMux

	mu       sync.Mutex
	requests []string // "METHOD path"
	tokens   int
	lifetime time.Duration // of tokens; a minute or less rotates with every request
	mint     http.HandlerFunc
}

func newAPI(t *testing.T) *api {
	a := &api{t: t, mux: http.NewServeMux(), lifetime: time.Hour}
	a.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.requests = append(a.requests, r.Method+" "+r.URL.Path)
		mint := a.mint
		a.mu.Unlock()
		if strings.HasSuffix(r.URL.Path, "/access_tokens") {
			if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
				t.Errorf("token asked for without JWT: %q", r.Header.Get("Authorization"))
			}
			if mint != nil {
				mint(w, r)
				return
			}
			a.mu.Lock()
			a.tokens++
			n, life := a.tokens, a.lifetime
			a.mu.Unlock()
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":"ghs_%d","expires_at":%q}`, n, time.Now().Add(life).UTC().Format(time.RFC3339))
			return
		}
		a.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(a.srv.Close)
	return a
}

// count is how many requests came with this prefix of "METHOD path".
func (a *api) count(prefix string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, r := range a.requests {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

type fixture struct {
	*api
	clients *Clients
	clock   *clockwork.FakeClock
	reg     *prometheus.Registry
}

func setup(t *testing.T, change ...func(*Config)) *fixture {
	a := newAPI(t)
	f := &fixture{api: a, clock: clockwork.NewFakeClockAt(time.Now().Truncate(time.Second)), reg: prometheus.NewRegistry()}
	cfg := Config{BaseURL: a.srv.URL, AppID: 1, PrivateKey: testKey(), Version: "1.2.3", Clock: f.clock, Registerer: f.reg}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if f.clients, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.clients.Close)
	return f
}

func (f *fixture) client(id int64) *github.Client {
	f.t.Helper()
	c, err := f.clients.Installation(id)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}
