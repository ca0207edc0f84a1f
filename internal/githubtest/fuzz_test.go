package githubtest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequest sends any method, path and body with every right: the double answers, it never falls over and never says
// what GitHub's description does not allow.
func FuzzRequest(f *testing.F) {
	s, err := Start(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	if _, err := s.AddRepo("o", "r", map[string]string{".github/workflows/ci.yml": ciWorkflow}); err != nil {
		f.Fatal(err)
	}
	id := s.Install("o")
	s.mu.Lock()
	token := s.issueToken(s.installation(id), nil, nil, false).text
	s.mu.Unlock()
	for _, seed := range [][3]string{
		{"GET", "/repos/o/r/git/trees/main?recursive=1", ""},
		{"GET", "/repos/o/r/contents/.github/workflows/ci.yml?ref=main", ""},
		{"GET", "/repos/o/r/contents/%2e%2e/x", ""},
		{"GET", "/repos/o/r/compare/main...main~1", ""},
		{"GET", "/repos/o/r/commits/main%0aHEAD", ""},
		{"GET", "/repos/o/r/actions/runs?created=%3E%3D2026-01-01..*", ""},
		{"GET", "/repositories/1/contents", ""},
		{"GET", "/_logs/1/job/2/3", ""},
		{"POST", "/repos/o/r/check-runs", `{"name":"n","head_sha":"main","output":{"title":"t","summary":"s","annotations":[{}]}}`},
		{"PATCH", "/repos/o/r/check-suites/preferences", `{"auto_trigger_checks":[{"app_id":1.5,"setting":true}]}`},
		{"POST", "/repos/o/r/actions/workflows/ci.yml/dispatches", `{"ref":"main","inputs":{"level":{"a":[1]}}}`},
		{"POST", "/repos/o/r/dispatches", `{"event_type":"x","client_payload":null}`},
		{"POST", "/repos/o/r/pulls", `{"head":":","base":""}`},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		req, err := http.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
		if err != nil {
			t.Skip()
		}
		req.RequestURI = path
		req.Header.Set("User-Agent", "fuzz")
		req.Header.Set("Authorization", "Bearer "+token)
		s.ForgetCalls()
		w := httptest.NewRecorder()
		s.serve(w, req)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		for _, v := range s.Violations() {
			if strings.Contains(v, "response violation") || strings.Contains(v, "error in the double") {
				t.Error(v)
			}
		}
	})
}
