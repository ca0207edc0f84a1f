package githubtest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a double with one repository, an App installed on it and a receiver for its webhooks.
type bench struct {
	*testing.T
	s     *Server
	repo  *Repo
	id    int64 // of the installation
	hooks *receiver
	token string
	http  *http.Client
}

const ciWorkflow = `name: CI
on:
  push:
  workflow_dispatch:
    inputs:
      level: {required: false, default: a}
  repository_dispatch:
    types: [redundancy-fallback]
jobs:
  build: {runs-on: ubuntu-latest, steps: [{run: "true"}]}
  test: {runs-on: ubuntu-latest, steps: [{run: "true"}]}
`

func newBench(t *testing.T, cfg Config) *bench {
	t.Helper()
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, s: s, hooks: newReceiver(t), http: &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	t.Cleanup(func() {
		b.http.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.SetHook(b.hooks.URL)
	b.repo, err = s.AddRepo("acme", "demo", map[string]string{"README.md": "# demo\n", "src/a.go": "package a\n", ".github/workflows/ci.yml": ciWorkflow})
	if err != nil {
		t.Fatal(err)
	}
	b.id = s.Install("acme")
	b.newToken()
	return b
}

func (b *bench) newToken() {
	b.Helper()
	var out struct{ Token string }
	b.call("POST", "/app/installations/"+itoa(b.id)+"/access_tokens", nil, asApp).want(http.StatusCreated).into(&out)
	b.token = out.Token
}

// asApp and others change how a call is made.
type how func(*bench, *http.Request)

func asApp(b *bench, r *http.Request) {
	r.Header.Set("Authorization", "Bearer "+b.jwt(map[string]any{}, nil))
}

func with(header, value string) how {
	return func(_ *bench, r *http.Request) { r.Header.Set(header, value) }
}

func (b *bench) jwt(change map[string]any, header map[string]any) string {
	b.Helper()
	now := b.s.cfg.TokenClock.Now().Unix()
	claims := map[string]any{"iss": itoa(b.s.AppID), "iat": now - 60, "exp": now + 540}
	for k, v := range change {
		claims[k] = v
	}
	if header == nil {
		header = map[string]any{"alg": "RS256", "typ": "JWT"}
	}
	enc := base64.RawURLEncoding.EncodeToString
	text := enc(encode(header)) + "." + enc(encode(claims))
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, b.s.key, crypto.SHA256, sum[:])
	if err != nil {
		b.Fatal(err)
	}
	return text + "." + enc(sig)
}

type reply struct {
	*testing.T
	status int
	header http.Header
	body   []byte
}

func (b *bench) try(method, path string, body any, hows ...how) (*reply, error) {
	b.Helper()
	var in io.Reader
	if body != nil {
		raw, ok := body.(string)
		if !ok {
			raw = string(encode(body))
		}
		in = strings.NewReader(raw)
	}
	if !strings.HasPrefix(path, "http") {
		path = b.s.URL() + path
	}
	req, err := http.NewRequest(method, path, in)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("User-Agent", "selftest")
	req.Header.Set("Authorization", "Bearer "+b.token)
	for _, h := range hows {
		h(b, req)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	return &reply{T: b.T, status: resp.StatusCode, header: resp.Header, body: out}, err
}

func (b *bench) call(method, path string, body any, hows ...how) *reply {
	b.Helper()
	r, err := b.try(method, path, body, hows...)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func (b *bench) get(path string) *reply {
	b.Helper()
	return b.call("GET", path, nil).want(http.StatusOK)
}

func (r *reply) want(status int) *reply {
	r.Helper()
	if r.status != status {
		r.Fatalf("status %d, want %d: %.400s", r.status, status, r.body)
	}
	return r
}

func (r *reply) into(v any) {
	r.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		r.Fatalf("%v: %.400s", err, r.body)
	}
}

func (r *reply) json() map[string]any {
	r.Helper()
	var v map[string]any
	r.into(&v)
	return v
}

func ctx(t *testing.T) context.Context {
	t.Helper()
	c, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return c
}

func (b *bench) settle() {
	b.Helper()
	if err := b.s.Settle(ctx(b.T)); err != nil {
		b.Fatal(err)
	}
}

// clean asserts that nothing was wrong with any call, in particular that every answer was as GitHub describes it.
func (b *bench) clean() {
	b.Helper()
	for _, v := range b.s.Violations() {
		b.Error(v)
	}
}

// receiver is what the webhooks go to.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []hook
	status int
}

type hook struct {
	event, action, guid string
	signed              bool
	header              http.Header
	body                []byte
	payload             map[string]any
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusAccepted}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		h := hook{event: q.Header.Get("X-GitHub-Event"), guid: q.Header.Get("X-GitHub-Delivery"), header: q.Header, body: body}
		h.signed = q.Header.Get("X-Hub-Signature-256") == "sha256="+sign(sha256.New, "a webhook secret for tests", body)
		_ = json.NewDecoder(bytes.NewReader(body)).Decode(&h.payload)
		h.action, _ = h.payload["action"].(string)
		r.mu.Lock()
		r.got = append(r.got, h)
		status := r.status
		r.mu.Unlock()
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) all() []hook {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]hook(nil), r.got...)
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = nil
}

// names lists what came as event.action, in order.
func (r *receiver) names() []string {
	out := []string{}
	for _, h := range r.all() {
		out = append(out, strings.TrimSuffix(h.event+"."+h.action, "."))
	}
	return out
}
