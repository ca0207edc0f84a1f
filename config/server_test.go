package config

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

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
		LogLevel:    "info", LogFormat: "json", PollScale: 1, BudgetScale: 1, Workers: 16,
		Retention: Duration(14 * 24 * time.Hour), Drain: Duration(15 * time.Second), StatusURL: DefaultStatusURL,
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

// The status page of github.com says nothing about another server.
func TestStatusPage(t *testing.T) {
	const own = "https://status.example.com/summary.json"
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"github.com":     {nil, DefaultStatusURL},
		"off":            {[]string{"REDUNDANCY_STATUS_URL", "off"}, ""},
		"own":            {[]string{"REDUNDANCY_STATUS_URL", own}, own},
		"another server": {[]string{"GITHUB_V3_API_URL", "https://ghe.example.com/api/v3/"}, ""},
		"another's own":  {[]string{"GITHUB_V3_API_URL", "https://ghe.example.com/api/v3/", "REDUNDANCY_STATUS_URL", own}, own},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := LoadServer(Sources{Getenv: environment(c.env...)})
			if err != nil || s.StatusURL != c.want {
				t.Errorf("%q, %v, want %q", s.StatusURL, err, c.want)
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
		"budget zero":      {Sources{Getenv: environment("REDUNDANCY_BUDGET_SCALE", "0")}, []string{"REDUNDANCY_BUDGET_SCALE", "above 0"}},
		"scale NaN":        {Sources{Getenv: environment("REDUNDANCY_POLL_SCALE", "NaN")}, []string{"REDUNDANCY_POLL_SCALE"}},
		"scale infinite":   {Sources{Getenv: environment("REDUNDANCY_POLL_SCALE", "Inf")}, []string{"REDUNDANCY_POLL_SCALE"}},
		"drain":            {Sources{Getenv: environment("REDUNDANCY_DRAIN_TIMEOUT", "20001ms")}, []string{"REDUNDANCY_DRAIN_TIMEOUT", "longer than 20s"}},
		"retention":        {Sources{Getenv: environment("REDUNDANCY_RETENTION", "14")}, []string{"REDUNDANCY_RETENTION", "3d"}},
		"app id":           {Sources{Getenv: environment("GITHUB_APP_INTEGRATION_ID", "Iv1.x")}, []string{"GITHUB_APP_INTEGRATION_ID", "number"}},
		"secret with hole": {Sources{Getenv: environment("GITHUB_APP_WEBHOOK_SECRET", "hunter2,,b")}, []string{"GITHUB_APP_WEBHOOK_SECRET", "is empty"}},
		"only a comma":     {Sources{Getenv: environment("GITHUB_APP_WEBHOOK_SECRET", ",")}, []string{"GITHUB_APP_WEBHOOK_SECRET", "is empty"}},
		"relative URL":     {Sources{Getenv: environment("GITHUB_V3_API_URL", "ghe.example.com/api/v3")}, []string{"GITHUB_V3_API_URL", "absolute"}},
		"http elsewhere":   {Sources{Getenv: environment("GITHUB_V3_API_URL", "http://ghe.example.com/api/v3/")}, []string{"GITHUB_V3_API_URL", "loopback"}},
		"user in URL":      {Sources{Getenv: environment("GITHUB_WEB_URL", "https://u:hunter2@x/")}, []string{"GITHUB_WEB_URL", "without user"}},
		"status page":      {Sources{Getenv: environment("REDUNDANCY_STATUS_URL", "http://status.example.com/")}, []string{"REDUNDANCY_STATUS_URL", "loopback"}},
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
