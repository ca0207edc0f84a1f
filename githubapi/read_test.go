package githubapi

import "testing"

func TestRepoPath(t *testing.T) {
	for want, parts := range map[string][]string{
		"repos/acme/site":                             {"acme", "site"},
		"repos/acme/site/actions/runs/1":              {"acme", "site", "actions", "runs", "1"},
		"repos/ac%2Fme/site%3Fa=b%23c/git%2F..%2Fx":   {"ac/me", "site?a=b#c", "git/../x"},
		"repos/acme/site/actions/workflows/a%20b.yml": {"acme", "site", "actions", "workflows", "a b.yml"},
	} {
		if got := RepoPath(parts[0], parts[1], parts[2:]...); got != want {
			t.Errorf("%q: %s, want %s", parts, got, want)
		}
	}
}
