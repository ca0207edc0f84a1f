package history

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	scans *prometheus.CounterVec
	found *prometheus.CounterVec
	past  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		scans: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "redundancy_scans_total",
			Help: "Comparisons of a repository's runs with the record, by result: unchanged (free), read, refused, failed."}, []string{"result"}),
		found: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "redundancy_scan_found_total",
			Help: "Runs that a list showed and the record lacked, by whether a webhook should have told: missed, fresh."}, []string{"kind"}),
		past: prometheus.NewCounter(prometheus.CounterOpts{Name: "redundancy_history_runs_total",
			Help: "Past runs that were read to learn from."}),
	}
	if reg != nil {
		reg.MustRegister(m.scans, m.found, m.past)
	}
	return m
}
