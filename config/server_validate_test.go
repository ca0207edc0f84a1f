package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

func TestGitHubURLs(t *testing.T) {
	for name, c := range map[string]struct{ v3, wantV3, v4, web string }{
		"Enterprise Server":  {"https://ghe.example.com/api/v3", "https://ghe.example.com/api/v3/", "https://ghe.example.com/api/graphql", "https://ghe.example.com/"},
		"slashes":            {"https://ghe.example.com/api/v3///", "https://ghe.example.com/api/v3/", "https://ghe.example.com/api/graphql", "https://ghe.example.com/"},
		"data residency":     {"https://api.acme.ghe.com", "https://api.acme.ghe.com/", "https://api.acme.ghe.com/graphql", "https://acme.ghe.com/"},
		"simulated":          {"http://127.0.0.1:9999", "http://127.0.0.1:9999/", "http://127.0.0.1:9999/graphql", "http://127.0.0.1:9999/"},
		"simulated, by name": {"http://localhost:9999/", "http://localhost:9999/", "http://localhost:9999/graphql", "http://localhost:9999/"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := LoadServer(Sources{Getenv: credentials(t, "GITHUB_V3_API_URL", c.v3)})
			if err != nil {
				t.Fatal(err)
			}
			if s.GitHub.V3URL != c.wantV3 || s.GitHub.V4URL != c.v4 || s.GitHub.WebURL != c.web {
				t.Errorf("%+v", s.GitHub)
			}
			if err := s.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
	s, err := LoadServer(Sources{Getenv: credentials(t, "GITHUB_V3_API_URL", "https://ghe.example.com/")})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "https://ghe.example.com/api/v3/") {
		t.Error("the forgotten /api/v3/ is not named:", err)
	}
}

func TestValidateRefuses(t *testing.T) {
	pkcs1, _ := keyPEM()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	ecPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	dir := t.TempDir()
	for name, c := range map[string]struct {
		env  func(string) string
		says string // empty: accepted
	}{
		"all is well":            {credentials(t), ""},
		"empty secret":           {credentials(t, "GITHUB_APP_WEBHOOK_SECRET", ""), "GITHUB_APP_WEBHOOK_SECRET: it is empty"},
		"no id":                  {credentials(t, "GITHUB_APP_INTEGRATION_ID", ""), "GITHUB_APP_INTEGRATION_ID: it is empty"},
		"no key":                 {credentials(t, "GITHUB_APP_PRIVATE_KEY", ""), "GITHUB_APP_PRIVATE_KEY: it is empty"},
		"OAuth alone":            {environment("GITHUB_OAUTH_CLIENT_ID", "x", "GITHUB_OAUTH_CLIENT_SECRET", "y"), "GITHUB_APP_INTEGRATION_ID: it is empty, but GITHUB_OAUTH_CLIENT_ID is set"},
		"half of OAuth":          {credentials(t, "GITHUB_OAUTH_CLIENT_ID", "x"), "GITHUB_OAUTH_CLIENT_SECRET: only one"},
		"missing key file":       {credentials(t, "GITHUB_APP_PRIVATE_KEY", filepath.Join(dir, "none.pem")), "none.pem: no such file"},
		"key file is a folder":   {credentials(t, "GITHUB_APP_PRIVATE_KEY", dir), "not a regular file"},
		"key lost its armour":    {credentials(t, "GITHUB_APP_PRIVATE_KEY", "MIIEhunter2"), "neither PEM text nor the path"},
		"key of other kind":      {credentials(t, "GITHUB_APP_PRIVATE_KEY", ecPEM), "no intact RSA key"},
		"certificate":            {credentials(t, "GITHUB_APP_PRIVATE_KEY", strings.ReplaceAll(pkcs1, "RSA PRIVATE KEY", "CERTIFICATE")), `"CERTIFICATE", not an RSA private key`},
		"damaged key":            {credentials(t, "GITHUB_APP_PRIVATE_KEY", strings.Replace(pkcs1, "\nMII", "\nXII", 1)), "damaged"},
		"cut key":                {credentials(t, "GITHUB_APP_PRIVATE_KEY", pkcs1[:200]), "no PEM block"},
		"all interfaces":         {credentials(t, "REDUNDANCY_LISTEN", "0.0.0.0:8080"), "REDUNDANCY_LISTEN: 0.0.0.0:8080 is reachable"},
		"no host":                {credentials(t, "REDUNDANCY_LISTEN", ":8080"), "REDUNDANCY_LISTEN"},
		"public in setup mode":   {environment("REDUNDANCY_LISTEN", ":8080"), "REDUNDANCY_LISTEN"},
		"public with a token":    {credentials(t, "REDUNDANCY_LISTEN", ":8080", "REDUNDANCY_API_TOKEN", "0123456789abcdef"), ""},
		"public with sign-in":    {credentials(t, "REDUNDANCY_LISTEN", ":8080", "GITHUB_OAUTH_CLIENT_ID", "x", "GITHUB_OAUTH_CLIENT_SECRET", "y"), ""},
		"loopback by name":       {credentials(t, "REDUNDANCY_LISTEN", "localhost:80"), ""},
		"loopback of version 6":  {credentials(t, "REDUNDANCY_LISTEN", "[::1]:80"), ""},
		"not loopback, by digit": {credentials(t, "REDUNDANCY_LISTEN", "128.0.0.1:80"), "REDUNDANCY_LISTEN"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := LoadServer(Sources{Getenv: c.env})
			if err != nil {
				t.Fatal(err)
			}
			err = s.Validate()
			if c.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("want %q, got %v", c.says, err)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), pkcs1[40:80])) {
				t.Errorf("the error shows a secret: %v", err)
			}
			if s.SetupMode() && name != "public in setup mode" {
				t.Error("taken for setup mode")
			}
		})
	}
}

func TestKeyForms(t *testing.T) {
	pkcs1, pkcs8 := keyPEM()
	file := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(file, []byte(pkcs8), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ given, want string }{
		"PKCS1":         {pkcs1, pkcs1},
		"PKCS8":         {pkcs8, pkcs8},
		"escaped lines": {strings.ReplaceAll(pkcs1, "\n", `\n`), pkcs1},
		"file":          {file, pkcs8},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := GitHub{PrivateKey: Secret(c.given)}.Key()
			if err != nil || string(got) != c.want {
				t.Error(err)
			}
		})
	}
	if _, err := (GitHub{}).Key(); err == nil {
		t.Error("no key is a key")
	}
}

func TestWebhookSecretRotation(t *testing.T) {
	s, err := LoadServer(Sources{Getenv: credentials(t, "GITHUB_APP_WEBHOOK_SECRET", "new, old")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Secret{"new", "old"}, s.GitHub.WebhookSecrets); diff != "" {
		t.Error(diff)
	}
}

func TestDerivedSettings(t *testing.T) {
	s, err := LoadServer(Sources{Getenv: environment("XDG_STATE_HOME", "/state", "REDUNDANCY_LISTEN", "[::]:81"), Terminal: true})
	if err != nil {
		t.Fatal(err)
	}
	if s.DataDir != "/state/redundancy" || s.PublicURL != "http://localhost:81" || s.LogFormat != "console" {
		t.Errorf("%+v", s)
	}
	s, err = LoadServer(Sources{Getenv: environment("XDG_STATE_HOME", "relative", "REDUNDANCY_PUBLIC_URL", "https://r.example.net//")})
	if err != nil || s.DataDir != "/home/x/.local/state/redundancy" || s.PublicURL != "https://r.example.net" {
		t.Error(s, err)
	}
}

func TestPrepareTokenAndDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := Server{DataDir: dir}
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, APITokenFile)
	for file, want := range map[string]os.FileMode{dir: 0o700, path: 0o600} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	again := Server{DataDir: dir}
	if err := again.Prepare(); err != nil || again.APIToken != s.APIToken || len(s.APIToken) < minToken {
		t.Error("the token is not kept", err)
	}
	other := Server{DataDir: t.TempDir()}
	if err := other.Prepare(); err != nil || other.APIToken == s.APIToken {
		t.Error("two servers have the same token", err)
	}
	given := Server{DataDir: t.TempDir(), APIToken: "0123456789abcdef"}
	if err := given.Prepare(); err != nil || given.APIToken != "0123456789abcdef" {
		t.Error(err)
	}
	if _, err := ReadAPIToken(given.DataDir); !errors.Is(err, os.ErrNotExist) {
		t.Error("a token that was given is written down:", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.*")); len(left) > 0 {
		t.Error("left behind", left)
	}
	for name, spoil := range map[string]func() error{
		"can be read by others": func() error { return os.Chmod(path, 0o644) },
		"holds no token":        func() error { return errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, nil, 0o600)) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		bad := Server{DataDir: dir}
		if err := bad.Prepare(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q, got %v", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	blocked := Server{DataDir: filepath.Join(dir, "file", "x")}
	if err := blocked.Prepare(); err == nil || !strings.Contains(err.Error(), "REDUNDANCY_DATA_DIR") {
		t.Error(err)
	}
}

func TestScale(t *testing.T) {
	for _, c := range []struct {
		scale    float64
		in, want time.Duration
	}{
		{1, time.Minute, time.Minute},
		{60, time.Minute, time.Second},
		{0.5, time.Minute, 2 * time.Minute},
		{1e9, time.Second, time.Millisecond}, // never 0: a ticker would panic
		{1e-300, time.Hour, MaxDuration.Std()},
		{10, 0, 0},
		{0, time.Minute, time.Minute}, // the zero Server
	} {
		if got := (Server{PollScale: c.scale}).Scale(c.in); got != c.want {
			t.Errorf("%s at %g is %s, want %s", c.in, c.scale, got, c.want)
		}
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	s := Server{APIToken: "hunter2", DatabaseURL: "postgres://u:hunter2@h/d", GitHub: GitHub{PrivateKey: "hunter2", WebhookSecrets: []Secret{"hunter2"}, OAuthClientSecret: "hunter2"}}
	outputs := []string{fmt.Errorf("x: %v", s.APIToken).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		outputs = append(outputs, fmt.Sprintf(verb, s), fmt.Sprintf(verb, s.APIToken), fmt.Sprintf(verb, &s.APIToken))
	}
	j, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range append(outputs, string(j), string(y)) {
		if strings.Contains(out, "hunter2") || strings.Contains(strings.ToLower(out), "68756e74657232") {
			t.Errorf("printed: %s", out)
		}
	}
	if !strings.Contains(string(j), redacted) || s.APIToken.Reveal() != "hunter2" || Secret("").String() != "" {
		t.Errorf("%s", j)
	}
}
