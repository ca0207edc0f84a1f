package githubtest

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

func TestAppTokens(t *testing.T) {
	b := newBench(t, Config{})
	now := time.Now().Unix()
	tests := []struct {
		name   string
		claims map[string]any
		header map[string]any
		status int
	}{
		{"good", nil, nil, http.StatusOK},
		{"issuer as a number", map[string]any{"iss": b.s.AppID}, nil, http.StatusOK},
		{"client id as issuer", map[string]any{"iss": b.s.clientID()}, nil, http.StatusOK},
		{"ten minutes", map[string]any{"exp": now + 600}, nil, http.StatusOK},
		{"expired", map[string]any{"iat": now - 900, "exp": now - 60}, nil, http.StatusUnauthorized},
		{"twenty minutes", map[string]any{"exp": now + 1200}, nil, http.StatusUnauthorized},
		{"issued in the future", map[string]any{"iat": now + 120}, nil, http.StatusUnauthorized},
		{"another app", map[string]any{"iss": "999"}, nil, http.StatusUnauthorized},
		{"no algorithm", nil, map[string]any{"alg": "none"}, http.StatusUnauthorized},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			jwt := b.jwt(tt.claims, tt.header)
			b.call("GET", "/app", nil, with("Authorization", "Bearer "+jwt)).want(tt.status)
		})
	}
	t.Run("another key", func(t *testing.T) {
		good := b.s.key
		other, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			t.Skip("short keys are not made any more:", err)
		}
		b.s.key = other
		jwt := b.jwt(nil, nil)
		b.s.key = good
		b.call("GET", "/app", nil, with("Authorization", "Bearer "+jwt)).want(http.StatusUnauthorized)
	})
	t.Run("the wrong kind of token", func(t *testing.T) {
		b.call("GET", "/app", nil).want(http.StatusUnauthorized)
		b.call("GET", "/repos/acme/demo", nil, asApp).want(http.StatusUnauthorized)
		b.call("GET", "/repos/acme/demo", nil, with("Authorization", "")).want(http.StatusUnauthorized)
	})
}

func TestInstallationTokens(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	b := newBench(t, Config{TokenClock: clock})
	R := "/repos/acme/demo"
	path := "/app/installations/" + itoa(b.id) + "/access_tokens"
	if !strings.HasPrefix(b.token, "ghs_4242_") || strings.Count(b.token, ".") != 2 || len(b.token) < 500 {
		t.Errorf("token %q is not in the long form", b.token)
	}
	classic := b.call("POST", path, nil, asApp, with("X-GitHub-Stateless-S2S-Token", "disabled")).want(http.StatusCreated).json()["token"].(string)
	if len(classic) != 40 {
		t.Errorf("classic token has %d characters, want 40", len(classic))
	}
	b.call("POST", path, "null", asApp).want(http.StatusCreated) // ghinstallation sends this
	other, err := b.s.AddRepo("acme", "other", nil)
	if err != nil {
		t.Fatal(err)
	}

	b.repo.SetPrivate(true)
	other.SetPrivate(true)
	t.Run("narrowed", func(t *testing.T) {
		narrow := b.call("POST", path, map[string]any{"permissions": map[string]any{"contents": "read"}, "repositories": []any{"demo"}}, asApp).want(http.StatusCreated).json()["token"].(string)
		auth := with("Authorization", "token "+narrow)
		b.call("GET", R+"/contents/README.md", nil, auth).want(http.StatusOK)
		b.call("GET", "/repos/acme/other", nil, auth).want(http.StatusNotFound)
		b.call("POST", R+"/check-runs", map[string]any{"name": "x", "head_sha": b.repo.Head("main")}, auth).want(http.StatusForbidden)
		if v := b.s.Violations(); len(v) != 1 || !strings.Contains(v[0], "permission denied: checks/create needs checks=write") {
			t.Errorf("violations: %q", v)
		}
		b.call("POST", path, map[string]any{"permissions": map[string]any{"administration": "write"}}, asApp).want(http.StatusUnprocessableEntity)
		b.call("POST", path, map[string]any{"repositories": []any{"nothing"}}, asApp).want(http.StatusUnprocessableEntity)
	})
	t.Run("expiry and rotation", func(t *testing.T) {
		b.get(R)
		clock.Advance(time.Hour - time.Second)
		b.get(R)
		clock.Advance(time.Second)
		b.call("GET", R, nil).want(http.StatusUnauthorized)
		b.newToken()
		b.get(R)
		b.s.RotateTokens()
		b.call("GET", R, nil).want(http.StatusUnauthorized)
		b.newToken()
	})
	t.Run("installation changes", func(t *testing.T) {
		if err := b.s.RemoveRepositories(b.id, b.repo); err != nil {
			t.Fatal(err)
		}
		b.call("GET", R, nil).want(http.StatusNotFound)
		b.get("/repos/" + other.FullName())
		b.repo.SetPrivate(false) // then everyone may read, and nobody write
		b.get(R)
		b.call("POST", R+"/check-runs", map[string]any{"name": "x", "head_sha": b.repo.Head("main")}).want(http.StatusNotFound)
		if err := b.s.AddRepositories(b.id, b.repo); err != nil {
			t.Fatal(err)
		}
		b.get(R)
		if err := b.s.Suspend(b.id); err != nil {
			t.Fatal(err)
		}
		b.call("GET", R, nil).want(http.StatusUnauthorized)
		b.call("POST", path, nil, asApp).want(http.StatusForbidden)
		if err := b.s.Unsuspend(b.id); err != nil {
			t.Fatal(err)
		}
		b.get(R)
		if err := b.s.Uninstall(b.id); err != nil {
			t.Fatal(err)
		}
		b.call("GET", R, nil).want(http.StatusUnauthorized)
		b.call("POST", path, nil, asApp).want(http.StatusNotFound)
		if err := b.s.Suspend(b.id); err == nil {
			t.Error("an installation that is gone was suspended")
		}
	})
}

func TestPermissionTableCoversEveryHandler(t *testing.T) {
	for id := range handlers {
		if _, ok := rules[id]; !ok {
			t.Errorf("%s has no rule", id)
		}
	}
	d, err := described()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, ops := range d.byMethod {
		for _, o := range ops {
			known[o.id] = true
		}
	}
	for id := range rules {
		if !known[id] {
			t.Errorf("the rule for %s is about no described operation", id)
		}
	}
	for id := range handlers {
		if !known[id] {
			t.Errorf("the handler %s is of no described operation", id)
		}
	}
}

func TestCollaboratorPermission(t *testing.T) {
	b := newBench(t, Config{})
	b.s.AddUser("stranger")
	tests := []struct{ role, permission string }{
		{"admin", "admin"}, {"maintain", "write"}, {"write", "write"}, {"triage", "read"}, {"read", "read"}, {"none", "none"},
	}
	for _, tt := range tests {
		b.s.SetPermission(b.repo, "Mona", tt.role)
		got := b.get("/repos/acme/demo/collaborators/mona/permission").json()
		if got["permission"] != tt.permission || got["role_name"] != tt.role || dig(got, "user")["role_name"] != tt.role {
			t.Errorf("role %s: %v %v", tt.role, got["permission"], got["role_name"])
		}
	}
	if got := b.get("/repos/acme/demo/collaborators/stranger/permission").json()["permission"]; got != "read" {
		t.Errorf("a stranger in a public repository: %v", got)
	}
	b.repo.SetPrivate(true)
	if got := b.get("/repos/acme/demo/collaborators/stranger/permission").json()["permission"]; got != "none" {
		t.Errorf("a stranger in a private repository: %v", got)
	}
	b.call("GET", "/repos/acme/demo/collaborators/nobody/permission", nil).want(http.StatusNotFound)
	b.get("/repos/acme/demo/collaborators/redundancy%5Bbot%5D/permission")
	b.clean()
}
