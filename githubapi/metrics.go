package githubapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// meter holds the metrics. Its labels are bounded: operations by the words of
// [routeWords], installations by the clients that are kept.
type meter struct {
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	refusals  *prometheus.CounterVec
	cacheUse  *prometheus.CounterVec
	rateLimit *prometheus.GaugeVec
	rateLeft  *prometheus.GaugeVec
	rateReset *prometheus.GaugeVec
	open      prometheus.Gauge
}

func newMeter(reg prometheus.Registerer) *meter {
	rate := []string{"installation", "resource"}
	m := &meter{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "redundancy_github_requests_total",
			Help: "Requests sent to GitHub, by operation and status; status \"error\" got no answer."}, []string{"operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "redundancy_github_request_seconds",
			Help: "Time from sending a request to its answer's headers.", Buckets: []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"operation"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "redundancy_github_refused_total",
			Help: "Requests that were not sent, by reason: limit, breaker, host."}, []string{"reason"}),
		cacheUse: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "redundancy_github_cache_total",
			Help: "GET requests by result: revalidated (304, free) or missed (answered in full)."}, []string{"result"}),
		rateLimit: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "redundancy_github_rate_limit",
			Help: "Requests per hour that GitHub grants. Installation 0 is the App itself."}, rate),
		rateLeft: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "redundancy_github_rate_remaining",
			Help: "Requests left until the reset."}, rate),
		rateReset: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "redundancy_github_rate_reset_timestamp_seconds",
			Help: "When the budget is full again, Unix time."}, rate),
		open: prometheus.NewGauge(prometheus.GaugeOpts{Name: "redundancy_github_breaker_open",
			Help: "1 while GitHub keeps failing and nothing, or one probe, is sent."}),
	}
	m.register(reg, m.requests, m.seconds, m.refusals, m.cacheUse, m.rateLimit, m.rateLeft, m.rateReset, m.open)
	return m
}

// register panics on two metrics of one name, which is a mistake in the program.
func (m *meter) register(reg prometheus.Registerer, all ...prometheus.Collector) {
	if reg != nil {
		reg.MustRegister(all...)
	}
}

func (m *meter) sent(operation string, resp *http.Response, took time.Duration) {
	status := "error"
	if resp != nil {
		status = strconv.Itoa(resp.StatusCode)
		if http.StatusText(resp.StatusCode) == "" {
			status = strconv.Itoa(resp.StatusCode/100) + "xx" // keeps an odd server's label values few
		}
	}
	m.requests.WithLabelValues(operation, status).Inc()
	m.seconds.WithLabelValues(operation).Observe(took.Seconds())
}

func (m *meter) refused(reason string) { m.refusals.WithLabelValues(reason).Inc() }
func (m *meter) cache(result string)   { m.cacheUse.WithLabelValues(result).Inc() }

func (m *meter) breaker(open bool) {
	v := 0.0
	if open {
		v = 1
	}
	m.open.Set(v)
}

func (m *meter) rate(installation int64, h http.Header) {
	id, resource := strconv.FormatInt(installation, 10), h.Get("X-RateLimit-Resource")
	if !knownResource[resource] {
		resource = "other"
	}
	for gauge, name := range map[*prometheus.GaugeVec]string{m.rateLimit: "X-RateLimit-Limit", m.rateLeft: "X-RateLimit-Remaining", m.rateReset: "X-RateLimit-Reset"} {
		if v, err := strconv.ParseInt(h.Get(name), 10, 64); err == nil {
			gauge.WithLabelValues(id, resource).Set(float64(v))
		}
	}
}

var knownResource = map[string]bool{"core": true, "search": true, "code_search": true, "graphql": true}

// forget drops the gauges of an installation whose client is gone.
func (m *meter) forget(installation int64) {
	labels := prometheus.Labels{"installation": strconv.FormatInt(installation, 10)}
	for _, gauge := range []*prometheus.GaugeVec{m.rateLimit, m.rateLeft, m.rateReset} {
		gauge.DeletePartialMatch(labels)
	}
}

// routeWords are the fixed parts of the paths that the App calls. All other
// parts become "{}", so names and numbers never reach a label.
var routeWords = func() map[string]bool {
	words := map[string]bool{}
	for w := range strings.FieldsSeq("access_tokens actions annotations app attempts attempts branches cancel check-runs check-suites collaborators comments " +
		"commits compare config contents deliveries dispatches enable disable git hook installation installations issues jobs logs meta permission pulls rate_limit reactions " +
		"refs repos repositories rerequest rerun rerun-failed-jobs runs tarball timing trees blobs tags users workflows zipball orgs heads files") {
		words[w] = true
	}
	return words
}()

// maxRouteParts is more than any path of GitHub's REST API that the App calls.
const maxRouteParts = 10

// operationOf names a request for metrics: "GET /repos/{}/{}/actions/runs/{}".
func operationOf(prefix string, req *http.Request) string {
	path := strings.Trim(strings.TrimPrefix(req.URL.Path, strings.TrimSuffix(prefix, "/")), "/")
	parts := strings.Split(path, "/")
	free := len(parts) // from here on, a path inside the repository
	if len(parts) > 3 && parts[0] == "repos" && (parts[3] == "contents" || parts[3] == "compare") {
		free = 4
	}
	for i, p := range parts {
		named := i == 1 || i == 2 // owner and name may be any word
		if i >= free || !routeWords[p] || parts[0] == "repos" && named {
			parts[i] = "{}"
		}
	}
	if free < len(parts) {
		parts = parts[:free+1]
	}
	if len(parts) > maxRouteParts {
		parts = append(parts[:maxRouteParts], "…")
	}
	return method(req.Method) + " /" + strings.Join(parts, "/")
}

func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return m
	}
	return "OTHER"
}
