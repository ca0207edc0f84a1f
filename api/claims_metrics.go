package api

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
)

// newClaimCounter counts what those who ask for claims are told. granted and
// refused are answers about the work; the others are none.
func newClaimCounter(r prometheus.Registerer) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redundancy_claims_total", Help: "Requests for claims over the API, by result.",
	}, []string{"result"})
	if r != nil {
		r.MustRegister(c)
	}
	return c
}

// claimResult names the answer to a request for a claim.
func claimResult(status int) string {
	switch {
	case status == http.StatusOK:
		return "granted"
	case status == http.StatusConflict:
		return "refused"
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return "forbidden"
	case status == http.StatusServiceUnavailable:
		return "busy"
	case status < http.StatusInternalServerError:
		return "invalid"
	default:
		return "failed"
	}
}

// counted counts the answers of h.
func (s *server) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(seen, r)
		s.asked.WithLabelValues(claimResult(seen.status)).Inc()
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
