package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

func environment(pairs ...string) func(string) string {
	env := map[string]string{"HOME": "/home/x"}
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return env[name] }
}

// keyPEM returns an RSA key in both forms.
var keyPEM = sync.OnceValues(func() (pkcs1, pkcs8 string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
})

func credentials(t *testing.T, more ...string) func(string) string {
	t.Helper()
	key, _ := keyPEM()
	return environment(append([]string{"GITHUB_APP_INTEGRATION_ID", "7", "GITHUB_APP_PRIVATE_KEY", key, "GITHUB_APP_WEBHOOK_SECRET", "s3cret"}, more...)...)
}

func TestLoadServerDefaults(t *testing.T) {
	got, err := LoadServer(Sources{Getenv: environment()})
	if err != nil {
		t.Fatal(err)
	}
	want := Server{
		GitHub: GitHub{V3URL: "https://api.github.com/", V4URL: "https://api.github.com/graphql", WebURL: "https://github.com/"},
		Listen: "127.0.0.1:8080", AgentListen: "127.0.0.1:8443", PublicURL: "http://127.0.0.1:8080",
		DatabaseURL: "sqlite:/home/x/.local/state/redundancy/redundancy.db", DataDir: "/home/x/.local/state/redundancy",
		AgentConfig: "/home/x/.local/state/redundancy/agent.yml",
		LogLevel:    "info", LogFormat: "json", PollScale: 1, Workers: 16,
		Retention: Duration(14 * 24 * time.Hour), Drain: Duration(25 * time.Second),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !got.SetupMode() || got.Validate() != nil {
		t.Error("without credentials it is setup mode", got.Validate())
	}
}

func TestLoadServerPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "server.yml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:1\nlog_level: warn\nworkers: 3\ngithub: {app: {integration_id: 5}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from   Sources
		listen string
	}{
		"flag":              {Sources{Flags: map[string]string{"listen": "127.0.0.1:3"}, Getenv: environment("REDUNDANCY_LISTEN", "127.0.0.1:2"), File: file}, "127.0.0.1:3"},
		"environment":       {Sources{Getenv: environment("REDUNDANCY_LISTEN", "127.0.0.1:2"), File: file}, "127.0.0.1:2"},
		"file":              {Sources{Getenv: environment(), File: file}, "127.0.0.1:1"},
		"empty is not set":  {Sources{Getenv: environment("REDUNDANCY_LISTEN", ""), File: file}, "127.0.0.1:1"},
		"default":           {Sources{Getenv: environment()}, "127.0.0.1:8080"},
		"other flags do no": {Sources{Flags: map[string]string{"workers": "1"}, Getenv: environment()}, "127.0.0.1:8080"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := LoadServer(c.from)
			if err != nil || s.Listen != c.listen {
				t.Error(s.Listen, err)
			}
			if c.from.File != "" && (s.GitHub.AppID != 5 || s.Workers != 3 || s.LogLevel != "warn") {
				t.Errorf("the file's other settings are lost: %+v", s)
			}
		})
	}
}

func TestLoadServerErrorsNameSettingAndSource(t *testing.T) {
	dir, files := t.TempDir(), 0
	file := func(text string) string {
		files++
		path := filepath.Join(dir, fmt.Sprintf("%d.yml", files))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		from Sources
		says []string
	}{
		"address":          {Sources{Getenv: environment("REDUNDANCY_LISTEN", "8080")}, []string{"REDUNDANCY_LISTEN", "write HOST:PORT", "from the environment"}},
		"port":             {Sources{Getenv: environment("REDUNDANCY_LISTEN", ":http")}, []string{"REDUNDANCY_LISTEN", "0 to 65535"}},
		"flag":             {Sources{Flags: map[string]string{"workers": "0"}, Getenv: environment()}, []string{"REDUNDANCY_WORKERS", "1 to 1000", "from --workers"}},
		"log level":        {Sources{Getenv: environment("REDUNDANCY_LOG_LEVEL", "loud")}, []string{"REDUNDANCY_LOG_LEVEL", "trace, debug, info, warn, error"}},
		"scale zero":       {Sources{Getenv: environment("REDUNDANCY_POLL_SCALE", "0")}, []string{"REDUNDANCY_POLL_SCALE", "above 0"}},
		"scale NaN":        {Sources{Getenv: environment("REDUNDANCY_POLL_SCALE", "NaN")}, []string{"REDUNDANCY_POLL_SCALE"}},
		"scale infinite":   {Sources{Getenv: environment("REDUNDANCY_POLL_SCALE", "Inf")}, []string{"REDUNDANCY_POLL_SCALE"}},
		"drain":            {Sources{Getenv: environment("REDUNDANCY_DRAIN_TIMEOUT", "16m")}, []string{"REDUNDANCY_DRAIN_TIMEOUT", "longer than 15m"}},
		"retention":        {Sources{Getenv: environment("REDUNDANCY_RETENTION", "14")}, []string{"REDUNDANCY_RETENTION", "3d"}},
		"app id":           {Sources{Getenv: environment("GITHUB_APP_INTEGRATION_ID", "Iv1.x")}, []string{"GITHUB_APP_INTEGRATION_ID", "number"}},
		"secret with hole": {Sources{Getenv: environment("GITHUB_APP_WEBHOOK_SECRET", "hunter2,,b")}, []string{"GITHUB_APP_WEBHOOK_SECRET", "is empty"}},
		"only a comma":     {Sources{Getenv: environment("GITHUB_APP_WEBHOOK_SECRET", ",")}, []string{"GITHUB_APP_WEBHOOK_SECRET", "is empty"}},
		"relative URL":     {Sources{Getenv: environment("GITHUB_V3_API_URL", "ghe.example.com/api/v3")}, []string{"GITHUB_V3_API_URL", "absolute"}},
		"http elsewhere":   {Sources{Getenv: environment("GITHUB_V3_API_URL", "http://ghe.example.com/api/v3/")}, []string{"GITHUB_V3_API_URL", "loopback"}},
		"user in URL":      {Sources{Getenv: environment("GITHUB_WEB_URL", "https://u:hunter2@x/")}, []string{"GITHUB_WEB_URL", "without user"}},
		"database":         {Sources{Getenv: environment("REDUNDANCY_DATABASE_URL", "mysql://u:hunter2@x/")}, []string{"REDUNDANCY_DATABASE_URL", "sqlite:PATH"}},
		"short token":      {Sources{Getenv: environment("REDUNDANCY_API_TOKEN", "hunter2")}, []string{"REDUNDANCY_API_TOKEN", "at least 16"}},
		"token with space": {Sources{Getenv: environment("REDUNDANCY_API_TOKEN", "hunter2 hunter2 hunter2")}, []string{"REDUNDANCY_API_TOKEN", "ASCII"}},
		"no home":          {Sources{Getenv: environment("HOME", "")}, []string{"REDUNDANCY_DATA_DIR", "name a directory"}},
		"no file":          {Sources{Getenv: environment(), File: filepath.Join(dir, "none.yml")}, []string{"--config", "none.yml", "no such file"}},
		"unknown key":      {Sources{Getenv: environment(), File: file("lisen: x\n")}, []string{"--config", ":1:1", `unknown key "lisen", did you mean "listen"?`}},
		"unknown nested":   {Sources{Getenv: environment(), File: file("github: {ap: {}}\n")}, []string{"--config", ":1:10", `unknown key "github.ap"`}},
		"list":             {Sources{Getenv: environment(), File: file("listen: [x]\n")}, []string{"listen must be a plain value, not a list"}},
		"section as value": {Sources{Getenv: environment(), File: file("github: x\n")}, []string{"github must be a mapping"}},
		"value in file":    {Sources{Getenv: environment(), File: file("\nworkers: many\n")}, []string{"REDUNDANCY_WORKERS", ".yml:2"}},
		"all of them":      {Sources{Getenv: environment("REDUNDANCY_WORKERS", "x", "REDUNDANCY_LISTEN", "y")}, []string{"REDUNDANCY_WORKERS", "REDUNDANCY_LISTEN"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadServer(c.from)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

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
