package main

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

//go:embed demo
var demoFiles embed.FS

func demoFile(name string) string {
	b, err := demoFiles.ReadFile("demo/" + name)
	if err != nil {
		panic(err) // it is embedded under this name, or the program was built wrongly
	}
	return string(b)
}

// world is a simulated GitHub with one repository, and the App beside it.
type world struct {
	dir     string
	github  *githubtest.Server
	repo    *githubtest.Repo
	address string        // of the App
	token   config.Secret // of its API
	stop    func() error
}

// newWorld starts both. The App is the one of `serve`, with real webhooks, a
// real git repository behind GitHub's answers, and waits divided by ten.
func newWorld(ctx context.Context, dir string) (_ *world, err error) {
	w := &world{dir: dir, stop: func() error { return nil }}
	if w.github, err = githubtest.Start(githubtest.Config{}); err != nil {
		return nil, fmt.Errorf("start simulated GitHub: %w", err)
	}
	defer func() {
		if err != nil {
			_ = w.github.Close()
		}
	}()
	w.repo, err = w.github.AddRepo("acme", "site", map[string]string{
		".github/workflows/marketing-sync.yml":          demoFile("marketing-sync.yml"),
		".github/workflows/marketing-sync-fallback.yml": demoFile("marketing-sync-fallback.yml"),
		".github/workflows/sync-health.yml":             demoFile("sync-health.yml"),
		".github/redundancy.yml":                        demoFile("redundancy.yml"),
	})
	if err != nil {
		return nil, err
	}
	if err := w.writeHost(); err != nil {
		return nil, err
	}
	return w, w.startApp(ctx)
}

// writeHost writes what this host's owner would: a script, and an agent.yml
// that allows exactly this script.
func (w *world) writeHost() error {
	script := filepath.Join(w.dir, "git-sync.sh")
	content := []byte(demoFile("git-sync.sh"))
	if err := os.WriteFile(script, content, 0o700); err != nil { //nolint:gosec // it is a script of the owner's
		return err
	}
	agent := fmt.Sprintf("actions:\n  git-sync: {argv: [/bin/sh, %q], sha256: %q, timeout: 1m, effect: idempotent}\n",
		script, fmt.Sprintf("%x", sha256.Sum256(content)))
	return os.WriteFile(filepath.Join(w.dir, "agent.yml"), []byte(agent), 0o600)
}

func (w *world) startApp(ctx context.Context) error {
	env := map[string]string{
		"GITHUB_V3_API_URL":         w.github.URL() + "/api/v3/",
		"GITHUB_WEB_URL":            w.github.URL(),
		"GITHUB_APP_INTEGRATION_ID": fmt.Sprint(w.github.AppID),
		"GITHUB_APP_PRIVATE_KEY":    string(w.github.PrivateKeyPEM()),
		"GITHUB_APP_WEBHOOK_SECRET": w.github.Secret(),
		"REDUNDANCY_LISTEN":         "127.0.0.1:0",
		"REDUNDANCY_DATA_DIR":       w.dir,
		"REDUNDANCY_POLL_SCALE":     "10",
	}
	cfg, err := config.LoadServer(config.Sources{Getenv: func(k string) string { return env[k] }})
	if err == nil {
		err = cfg.Validate()
	}
	if err == nil {
		err = cfg.Prepare()
	}
	if err != nil {
		return err
	}
	logFile, err := os.OpenFile(filepath.Join(w.dir, "serve.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	app, err := New(ctx, cfg, zerolog.New(logFile).With().Timestamp().Logger(), clockwork.NewRealClock())
	if err != nil {
		return err
	}
	var l net.Listener
	if l, err = listen(ctx, cfg.Listen); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx, l) }()
	w.address, w.token = "http://"+l.Addr().String(), cfg.APIToken
	w.stop = func() error {
		cancel()
		err := <-done
		_ = logFile.Close()
		return err
	}
	w.github.SetHook(w.address + "/api/github/hook")
	return nil
}

// close ends the App first, so that its last calls still find GitHub.
func (w *world) close() error {
	err := w.stop()
	_ = w.github.Close()
	return err
}

// wait waits for the simulated GitHub to show something.
func (w *world) wait(ctx context.Context, what string, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := w.github.Wait(ctx, done); err != nil {
		return fmt.Errorf("waited in vain for %s (log: %s)", what, filepath.Join(w.dir, "serve.log"))
	}
	return nil
}
