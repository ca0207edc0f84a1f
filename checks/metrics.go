package checks

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	validations *prometheus.CounterVec
	cache       *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		validations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redundancy_validations_total",
			Help: "Validations of commits that were posted, by conclusion.",
		}, []string{"conclusion"}),
		cache: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redundancy_lint_cache_total",
			Help: "Files that a validation needed, by whether their content had been seen before (hit, miss).",
		}, []string{"result"}),
	}
	if r != nil {
		r.MustRegister(m.validations, m.cache)
	}
	return m
}
