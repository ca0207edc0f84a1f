package githubapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOperations(t *testing.T) {
	for path, want := range map[string]string{
		"/repos/acme/site":    "GET /repos/{}/{}",
		"/repos/actions/runs": "GET /repos/{}/{}",
		"/repos/acme/site/actions/runs/12/rerun-failed-jobs":               "GET /repos/{}/{}/actions/runs/{}/rerun-failed-jobs",
		"/repos/acme/site/git/trees/0123456789abcdef0123456789abcdef01234": "GET /repos/{}/{}/git/trees/{}",
		"/repos/acme/site/contents/.github/workflows/a.yml":                "GET /repos/{}/{}/contents/{}",
		"/repos/acme/site/contents/runs/git":                               "GET /repos/{}/{}/contents/{}",
		"/app/installations/5/access_tokens":                               "GET /app/installations/{}/access_tokens",
		"/app/hook/deliveries":                                             "GET /app/hook/deliveries",
		"/" + strings.Repeat("repos/", 40):                                 "GET /repos/{}/{}/repos/repos/repos/repos/repos/repos/repos/…",
		"/unknown/words":                                                   "GET /{}/{}",
	} {
		req := httptest.NewRequest(http.MethodGet, "http://h/api/v3"+path, nil)
		if got := operationOf("/api/v3", req); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
