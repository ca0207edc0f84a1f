package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
)

// Config is what the API needs.
type Config struct {
	Token     string // bearer token of /api/v1; empty refuses every call
	Version   string
	StartedAt time.Time
	Clock     clockwork.Clock
	Log       zerolog.Logger
	Gatherer  prometheus.Gatherer
	// Registerer gets redundancy_claims_total and redundancy_health_score; nil:
	// nobody does.
	Registerer prometheus.Registerer
	// OpenMetrics shows /metrics to whoever can connect. Its labels name
	// installations and repositories, so it is for a server on loopback only; otherwise the token
	// is asked for.
	OpenMetrics bool
	Checks      []Check // of readiness, in the order in which they are shown

	Incidents    Incidents
	Claims       Claims
	Pauses       Pauses
	Repositories Repositories
	Deliveries   Deliveries
	Jobs         Jobs
	Scores       Scores
	Risk         Risk
	Scans        Scans // nil: none are made
	// Downtime is since when and until when the server was not up before its
	// start; zero times and nil mean that it never ran before.
	Downtime func() (from, to time.Time)
}

// maxRequest bounds the body of a request: 64 KiB.
const maxRequest = 64 << 10

// New returns the handler for everything under /api/v1, /healthz, /readyz and
// /metrics.
func New(cfg Config) http.Handler {
	s := &server{cfg: cfg, asked: newClaimCounter(cfg.Registerer)}
	if cfg.Registerer != nil && cfg.Scores != nil {
		cfg.Registerer.MustRegister(&scoreCollector{scores: cfg.Scores, clock: cfg.Clock, log: cfg.Log})
	}
	v1 := http.NewServeMux()
	v1.HandleFunc("GET /api/v1/status", s.status)
	v1.HandleFunc("GET /api/v1/health", s.health)
	v1.HandleFunc("GET /api/v1/risk", s.risk)
	v1.HandleFunc("GET /api/v1/risk/backtest", s.backtest)
	v1.HandleFunc("GET /api/v1/incidents", s.incidents)
	v1.HandleFunc("GET /api/v1/incidents/{id}", s.incident)
	v1.HandleFunc("GET /api/v1/repositories", s.repositories)
	v1.HandleFunc("GET /api/v1/deliveries", s.deliveries)
	v1.HandleFunc("POST /api/v1/deliveries/{guid}/replay", s.replay)
	v1.HandleFunc("GET /api/v1/jobs", s.deadLetters)
	v1.HandleFunc("POST /api/v1/jobs/{id}/retry", s.retryJob)
	v1.HandleFunc("POST /api/v1/recover", s.recover)
	v1.HandleFunc("GET /api/v1/pauses", s.pauses)
	v1.HandleFunc("POST /api/v1/pause", s.pause)
	v1.HandleFunc("POST /api/v1/resume", s.resume)
	v1.HandleFunc("/api/v1/", func(w http.ResponseWriter, r *http.Request) {
		if allowed := methods(v1, r); len(allowed) > 0 {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			refuse(w, http.StatusMethodNotAllowed, r.Method+" is not for "+r.URL.Path+"; it takes "+strings.Join(allowed, ", "))
			return
		}
		refuse(w, http.StatusNotFound, "no such path: "+r.URL.Path)
	})

	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.live)
	mux.HandleFunc("GET /readyz", s.ready)
	metrics := promhttp.HandlerFor(cfg.Gatherer, promhttp.HandlerOpts{})
	if !cfg.OpenMetrics {
		metrics = bearer(cfg.Token, metrics)
	}
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /api/v1/openapi.json", describe)
	mux.Handle("/api/v1/claims/", s.claims())
	mux.Handle("/api/v1/", bearer(cfg.Token, http.MaxBytesHandler(v1, maxRequest)))
	return mux
}

type server struct {
	cfg   Config
	asked *prometheus.CounterVec // redundancy_claims_total
}

// methods are those that another method's path takes.
func methods(mux *http.ServeMux, r *http.Request) []string {
	var allowed []string
	for _, m := range []string{http.MethodGet, http.MethodPost} {
		probe := r.Clone(r.Context())
		probe.Method = m
		if _, pattern := mux.Handler(probe); strings.HasPrefix(pattern, m) {
			allowed = append(allowed, m)
		}
	}
	return allowed
}
