package api

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Check is one condition of readiness.
type Check struct {
	Name string // as shown: "database", "queue", "github", "key"
	// Run returns nil when the condition holds, else why it does not.
	Run func(ctx context.Context) error
	// Note is what is worth knowing although the condition holds, "" for
	// nothing; nil means never.
	Note func(ctx context.Context) string
}

// CheckResult is a check as answered.
type CheckResult struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// checkTimeout bounds all checks together; a probe of an orchestrator waits
// five seconds or less.
const checkTimeout = 4 * time.Second

// live says that the process serves HTTP. Nothing else: a database that is
// away is no reason to kill the process.
func (s *server) live(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	ok, results := s.runChecks(r.Context())
	status := http.StatusOK
	if !ok {
		status = http.StatusServiceUnavailable
	}
	answer(w, status, map[string]any{"ready": ok, "checks": results})
}

// runChecks runs all checks side by side.
func (s *server) runChecks(ctx context.Context) (bool, []CheckResult) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	results := make([]CheckResult, len(s.cfg.Checks))
	var wg sync.WaitGroup
	for i, c := range s.cfg.Checks {
		wg.Go(func() {
			results[i] = CheckResult{Name: c.Name, OK: true}
			if err := c.Run(ctx); err != nil {
				results[i] = CheckResult{Name: c.Name, Detail: err.Error()}
			} else if c.Note != nil {
				results[i].Detail = c.Note(ctx)
			}
		})
	}
	wg.Wait()
	for _, r := range results {
		if !r.OK {
			return false, results
		}
	}
	return true, results
}
