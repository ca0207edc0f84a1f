package githubtest

import (
	"net/http"
	"testing"
)

// BenchmarkCall is the cost of a validated call, the client's side included.
func BenchmarkCall(b *testing.B) {
	for _, path := range []string{demo, demo + "/git/trees/main?recursive=1", demo + "/actions/runs"} {
		b.Run(path, func(b *testing.B) {
			s, err := Start(Config{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			r, err := s.AddRepo("acme", "demo", map[string]string{".github/workflows/ci.yml": ciWorkflow, "a": "b"})
			if err != nil {
				b.Fatal(err)
			}
			id := s.Install("acme")
			if _, err := r.StartRun("ci.yml", "push"); err != nil {
				b.Fatal(err)
			}
			s.mu.Lock()
			token := s.issueToken(s.installation(id), nil, nil, false)
			s.mu.Unlock()
			c := &http.Client{Transport: &http.Transport{}}
			defer c.CloseIdleConnections()
			for b.Loop() {
				req, err := http.NewRequest(http.MethodGet, s.URL()+path, nil)
				if err != nil {
					b.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+token.text)
				resp, err := c.Do(req)
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Fatal(err, resp)
				}
				resp.Body.Close()
			}
		})
	}
}
