package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/health"
	"github.com/redundancy-app/redundancy/intake"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/queue/embedded"
	"github.com/redundancy-app/redundancy/risk"
	"github.com/redundancy-app/redundancy/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "the-token-of-this-test"

// bench is the API over a real store, queue and engine. Nothing in it reaches
// GitHub: these are reads, and requests that are refused before.
type bench struct {
	t      *testing.T
	store  *store.Store
	queue  *embedded.Queue
	url    string
	router routers.Router
	ready  error // what the one check of readiness says
}

type deliveries struct {
	*store.Store
	queue queue.Enqueuer
}

func (d deliveries) Replay(ctx context.Context, guid string) error {
	return intake.Replay(ctx, d.Store, d.queue, guid)
}

// noConfig is a repository without configuration.
type noConfig struct{}

func (noConfig) InForce(context.Context, int64) (config.Repository, bool, error) {
	return config.Repository{}, true, nil
}

func (noConfig) Load(context.Context, queue.Repo) (config.Repository, error) {
	return config.Repository{}, nil
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t}
	var err error
	if b.store, err = store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "r.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.store.Close() })
	clock := clockwork.NewRealClock()
	if b.queue, err = embedded.New(embedded.Config{Store: b.store, Clock: clock}); err != nil {
		t.Fatal(err)
	}
	b.seed()
	engine := fallback.New(fallback.Config{Store: b.store, Queue: b.queue, Clock: clock, Configs: noConfig{}})
	t.Cleanup(engine.Close)
	registry := prometheus.NewRegistry()
	srv := httptest.NewServer(api.New(api.Config{
		Token: token, Version: "v1.2.3", StartedAt: clock.Now(), Clock: clock, Log: zerolog.Nop(), Gatherer: registry, Registerer: registry,
		Checks:    []api.Check{{Name: "database", Run: func(context.Context) error { return b.ready }}},
		Incidents: engine, Claims: engine, Pauses: engine, Repositories: b.store, Deliveries: deliveries{b.store, b.queue}, Jobs: b.queue,
		Scores: health.New(health.Config{Store: b.store, Clock: clock}), Risk: risk.New(b.store, clock),
	}))
	t.Cleanup(srv.Close)
	b.url = srv.URL
	doc, err := openapi3.NewLoader().LoadFromData([]byte(b.get("/api/v1/openapi.json", "").body))
	if err == nil {
		err = doc.Validate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: srv.URL}}
	if b.router, err = gorillamux.NewRouter(doc); err != nil {
		t.Fatal(err)
	}
	return b
}

// seed writes one of everything, hostile text included.
func (b *bench) seed() {
	b.t.Helper()
	err := b.store.Update(b.t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, _, err := store.SaveInstallation(ctx, tx, store.Installation{ID: 7, Account: "acme", State: store.InstallationActive, UpdatedAt: 1})
		if err != nil {
			return err
		}
		_, err = store.SaveRepositories(ctx, tx, []store.Repository{{ID: 9, InstallationID: 7, Owner: "acme", Name: "site", DefaultBranch: "main", SeenAt: 1}})
		if err != nil {
			return err
		}
		inc := store.Incident{
			OccurrenceKey: "k", InstallationID: 7, RepoID: 9, Owner: "acme", Repo: "site", WorkflowPath: ".github/workflows/x.yml",
			RunID: 11, RunAttempt: 1, Signal: string(fallback.Failed), State: string(fallback.Exhausted), Ladder: "{}", Reason: "<script>alert(1)</script>\u202e", OpenedAt: 1, UpdatedAt: 1,
		}
		if _, err = tx.OpenIncident(ctx, &inc); err != nil {
			return err
		}
		if _, err = tx.NewRaw("INSERT INTO deliveries (guid, event, received_at, size, body) VALUES ('g-1', 'push', 5, 2, x'00')").Exec(ctx); err != nil {
			return err
		}
		_, err = tx.NewRaw(`INSERT INTO jobs (kind, args, state, run_at, max_attempts, created_at, last_error)
			VALUES ('run.observe', '{"run_id":1}', 'dead', 1, 16, 1, 'boom')`).Exec(ctx)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (b *bench) get(path, bearer string) reply { return b.do(http.MethodGet, path, bearer, "") }

// do calls the API; what openapi.json describes is held to it.
func (b *bench) do(method, path, bearer, body string) reply {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if b.router != nil && strings.HasPrefix(path, "/api/v1/") {
		b.described(req, resp, answer)
	}
	return reply{resp.StatusCode, resp.Header, string(answer)}
}

func (b *bench) described(req *http.Request, resp *http.Response, answer []byte) {
	b.t.Helper()
	route, params, err := b.router.FindRoute(req)
	if errors.Is(err, routers.ErrPathNotFound) && resp.StatusCode == http.StatusNotFound {
		return
	}
	if err != nil {
		b.t.Errorf("%s %s is not described: %v", req.Method, req.URL, err)
		return
	}
	err = openapi3filter.ValidateResponse(b.t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(answer)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		b.t.Errorf("%s %s answers %d, which is not as described: %v", req.Method, req.URL, resp.StatusCode, err)
	}
}

func TestEveryRouteAnswersAsDescribed(t *testing.T) {
	b := newBench(t)
	for _, tc := range []struct {
		method, path, body string
		want               int
		says               string
	}{
		{"GET", "/api/v1/status", "", 200, `"version": "v1.2.3"`},
		{"GET", "/api/v1/health", "", 200, `"healthy": false`},
		{"GET", "/api/v1/health?repo=acme", "", 400, "owner/name"},
		{"GET", "/api/v1/health?repo=acme/none", "", 404, "not installed"},
		{"GET", "/api/v1/risk?repo=acme", "", 400, "owner/name"},
		{"GET", "/api/v1/risk/backtest?repo=acme/none", "", 404, "not installed"},
		{"GET", "/api/v1/incidents", "", 200, `"state": "exhausted"`},
		{"GET", "/api/v1/incidents?state=recovered,healthy", "", 200, `"incidents": []`},
		{"GET", "/api/v1/incidents?repo=acme/site&limit=1", "", 200, `"run": 11`},
		{"GET", "/api/v1/incidents?repo=acme/other", "", 404, "not installed on acme/other: check the spelling"},
		{"GET", "/api/v1/incidents?repo=acme/site&state=recovered", "", 200, `"incidents": []`},
		{"GET", "/api/v1/incidents?state=odd", "", 400, `state \"odd\"`},
		{"GET", "/api/v1/incidents?repo=acme", "", 400, "owner/name"},
		{"GET", "/api/v1/incidents?limit=0", "", 400, "from 1 to 1000"},
		{"GET", "/api/v1/incidents?limit=1000", "", 200, "incidents"},
		{"GET", "/api/v1/incidents?limit=1001", "", 400, "from 1 to 1000"},
		{"GET", "/api/v1/incidents/1", "", 200, `"workflow": ".github/workflows/x.yml"`},
		{"GET", "/api/v1/incidents/2", "", 404, "no incident 2"},
		{"GET", "/api/v1/incidents/x", "", 400, "positive number"},
		{"GET", "/api/v1/repositories", "", 200, `"full_name": "acme/site"`},
		{"GET", "/api/v1/deliveries", "", 200, `"guid": "g-1"`},
		{"GET", "/api/v1/deliveries?state=failed", "", 200, `"deliveries": []`},
		{"GET", "/api/v1/deliveries?state=odd", "", 400, "pending or failed"},
		{"GET", "/api/v1/deliveries?before=x", "", 400, "cursor"},
		{"POST", "/api/v1/deliveries/g-1/replay", "", 202, "enqueued"},
		{"POST", "/api/v1/deliveries/nope/replay", "", 404, "no delivery"},
		{"GET", "/api/v1/jobs", "", 200, `"last_error": "boom"`},
		{"POST", "/api/v1/jobs/999/retry", "", 404, "no dead letter"},
		{"POST", "/api/v1/jobs/1/retry", "", 202, "enqueued"},
		{"POST", "/api/v1/jobs/1/retry", "", 404, "no dead letter"},
		{"POST", "/api/v1/recover", `{"repo":"acme/site","target":"x.yml"}`, 409, "message"},
		{"POST", "/api/v1/recover", `{"repo":"acme/none"}`, 404, "not installed"},
		{"POST", "/api/v1/recover", `{"repo":"acme"}`, 400, "owner/name"},
		{"POST", "/api/v1/recover", `{"done":true}`, 400, "incident"},
		{"POST", "/api/v1/recover", `{"incident":1,"target":"x.yml"}`, 400, "incident"},
		{"POST", "/api/v1/recover", `{"incident":999,"done":true}`, 404, "no incident 999"},
		{"POST", "/api/v1/recover", `{"incident":1,"done":true}`, 409, "not in doubt"},
		{"POST", "/api/v1/recover", `{"repo":"acme/site","surplus":1}`, 400, "surplus"},
		{"POST", "/api/v1/recover", `{"repo":"acme/site"}{}`, 400, "more than one"},
		{"POST", "/api/v1/recover", `{"repo":`, 400, "request body"},
		{"POST", "/api/v1/recover", `{"repo":"` + strings.Repeat("a", 64<<10) + `"}`, 413, "64 KiB"},
		{"GET", "/api/v1/nothing", "", 404, "no such path"},
	} {
		t.Run(tc.method+" "+strings.TrimPrefix(tc.path, "/api/v1"), func(t *testing.T) {
			b.t = t
			got := b.do(tc.method, tc.path, token, tc.body)
			if got.status != tc.want || !strings.Contains(got.body, tc.says) {
				t.Errorf("%d %.500s, want %d with %q", got.status, got.body, tc.want, tc.says)
			}
			if ct := got.header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
				t.Errorf("Content-Type %q", ct)
			}
		})
	}
}

func TestEveryRouteNeedsTheToken(t *testing.T) {
	b := newBench(t)
	for _, bearer := range []string{"", "x", token + "x", token[:len(token)-1], strings.ToUpper(token)} {
		for _, path := range []string{"status", "health", "incidents", "incidents/1", "repositories", "deliveries", "jobs"} {
			if got := b.get("/api/v1/"+path, bearer); got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with bearer %q: %d", path, bearer, got.status)
			}
		}
		for _, path := range []string{"recover", "jobs/1/retry", "deliveries/g-1/replay"} {
			if got := b.do(http.MethodPost, "/api/v1/"+path, bearer, "{}"); got.status != http.StatusUnauthorized {
				t.Errorf("%s with bearer %q: %d", path, bearer, got.status)
			}
		}
	}
	if dead, err := b.queue.DeadLetters(t.Context(), 10); err != nil || len(dead) != 1 {
		t.Errorf("a refused request had an effect: %v, %v", dead, err)
	}
}

func TestAnEmptyTokenOpensNothing(t *testing.T) {
	h := api.New(api.Config{Gatherer: prometheus.NewRegistry()})
	for _, header := range []string{"", "Bearer ", "Bearer"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/api/v1/status", nil)
		r.Header.Set("Authorization", header)
		h.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("Authorization %q: %d", header, w.Code)
		}
	}
}

func TestReadiness(t *testing.T) {
	b := newBench(t)
	if got := b.get("/readyz", ""); got.status != 200 || !strings.Contains(got.body, `"ready": true`) {
		t.Errorf("ready: %d %s", got.status, got.body)
	}
	b.ready = errors.New("disk is gone")
	if got := b.get("/readyz", ""); got.status != 503 || !strings.Contains(got.body, "disk is gone") {
		t.Errorf("not ready: %d %s", got.status, got.body)
	}
	if got := b.get("/healthz", ""); got.status != 200 {
		t.Errorf("a process that answers is alive: %d", got.status)
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "something"}, func() float64 { return 1 }))
	for _, tt := range []struct {
		name          string
		open          bool
		token, header string
		want          int
	}{
		{"open", true, token, "", 200},
		{"closed, no token", false, token, "", 401},
		{"closed, wrong token", false, token, "Bearer x", 401},
		{"closed, token", false, token, "Bearer " + token, 200},
		{"closed, there is no token", false, "", "Bearer ", 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := api.New(api.Config{Token: tt.token, Gatherer: registry, OpenMetrics: tt.open})
			r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			r.Header.Set("Authorization", tt.header)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.want || strings.Contains(w.Body.String(), "something") != (tt.want == 200) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}
