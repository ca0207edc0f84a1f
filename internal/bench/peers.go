package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"slices"
	"time"
)

type benchConfig struct {
	binary, probot, payload string
	requests, rounds        int
	idle, steady            time.Duration
}

const benchSecret = "bench-secret"

// bench runs everything and prints Markdown.
func bench(ctx context.Context, cfg benchConfig) error {
	body, err := os.ReadFile(cfg.payload)
	if err != nil {
		return err
	}
	servers, cleanup, err := startAll(ctx, cfg)
	defer cleanup()
	if err != nil {
		return err
	}
	if err := idle(ctx, servers[0], cfg.idle); err != nil {
		return err
	}
	l := newLoad(body, benchSecret)
	fmt.Fprintf(os.Stdout, "\nPayload %d bytes, %d requests a round, median of %d rounds.\n\n", len(body), cfg.requests, cfg.rounds)
	fmt.Fprintln(os.Stdout, "| server | connections | acks/s (min–max) | redundancy ÷ this | p50 | p99 | server CPU a request | RSS after |")
	fmt.Fprintln(os.Stdout, "|---|---|---|---|---|---|---|---|")
	for _, conns := range []int{1, 16} {
		if err := compare(ctx, cfg, servers, l, conns); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stdout, "\nOpen loop, %d requests a second for %s, round with the median p99 of %d.\n\n", steadyRate, cfg.steady, cfg.rounds)
	fmt.Fprintln(os.Stdout, "| server | requests/s | p50 | p99 (min–max) | max | server CPU a request |")
	fmt.Fprintln(os.Stdout, "|---|---|---|---|---|---|")
	return steady(ctx, cfg, servers, l)
}

// startAll starts redundancy first, then the peers.
func startAll(ctx context.Context, cfg benchConfig) ([]*server, func(), error) {
	var servers []*server
	dir, err := os.MkdirTemp("", "redundancy-bench-")
	cleanup := func() {
		for _, s := range servers {
			s.stop()
		}
		_ = os.RemoveAll(dir)
	}
	if err != nil {
		return nil, cleanup, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, cleanup, err
	}
	pemKey := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	self, err := os.Executable()
	if err != nil {
		return nil, cleanup, err
	}
	type peer struct {
		name string
		env  []string
		argv []string
	}
	peers := []peer{
		{"redundancy serve (durable)", []string{
			"GITHUB_V3_API_URL=http://127.0.0.1:9/", "GITHUB_V4_API_URL=http://127.0.0.1:9/graphql", "GITHUB_WEB_URL=http://127.0.0.1:9",
			"GITHUB_APP_INTEGRATION_ID=1", "GITHUB_APP_PRIVATE_KEY=" + pemKey, "GITHUB_APP_WEBHOOK_SECRET=" + benchSecret,
			"REDUNDANCY_LISTEN=127.0.0.1:0", "REDUNDANCY_DATA_DIR=" + dir, "REDUNDANCY_LOG_FORMAT=json",
		}, []string{cfg.binary, "serve"}},
		{"bare go-githubapp (in memory)", []string{"WEBHOOK_SECRET=" + benchSecret}, []string{self, bareMode}},
	}
	if cfg.probot != "" {
		peers = append(peers, peer{
			"Probot (in memory)",
			[]string{"WEBHOOK_SECRET=" + benchSecret, "PRIVATE_KEY=" + pemKey, "NODE_ENV=production"},
			[]string{"node", cfg.probot + "/server.mjs"},
		})
	}
	for _, p := range peers {
		s, err := spawn(ctx, p.name, p.env, p.argv...)
		if err != nil {
			return servers, cleanup, err
		}
		servers = append(servers, s)
	}
	return servers, cleanup, nil
}

// compare prints a table of closed loops.
func compare(ctx context.Context, cfg benchConfig, servers []*server, l load, conns int) error {
	samples, err := alternate(ctx, cfg.rounds, servers, func(s *server) (sample, error) {
		return closedLoop(ctx, s, l, cfg.requests, conns)
	}, cfg.requests)
	if err != nil {
		return err
	}
	var first float64
	for i, s := range servers {
		slices.SortFunc(samples[i], func(a, b sample) int { return int(a.rate - b.rate) })
		median := samples[i][len(samples[i])/2]
		if i == 0 {
			first = median.rate
		}
		rss, err := s.rss()
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "| %s | %d | %.0f (%.0f–%.0f) | %.2f | %.2f ms | %.2f ms | %d µs | %.0f MiB |\n", s.name, conns,
			median.rate, samples[i][0].rate, samples[i][len(samples[i])-1].rate, first/median.rate,
			ms(median.p50), ms(median.p99), median.cpu.Microseconds(), rss)
	}
	return nil
}

// steadyRate is what a large organisation sends at its worst.
const steadyRate = 200

// steady prints a table of open loops.
func steady(ctx context.Context, cfg benchConfig, servers []*server, l load) error {
	n := int(cfg.steady.Seconds() * steadyRate)
	samples, err := alternate(ctx, cfg.rounds, servers, func(s *server) (sample, error) {
		return openLoop(ctx, s, l, n, steadyRate)
	}, n)
	if err != nil {
		return err
	}
	for i, s := range servers {
		slices.SortFunc(samples[i], func(a, b sample) int { return int(a.p99 - b.p99) })
		median := samples[i][len(samples[i])/2]
		fmt.Fprintf(os.Stdout, "| %s | %.0f | %.2f ms | %.2f ms (%.2f–%.2f) | %.2f ms | %d µs |\n", s.name, median.rate,
			ms(median.p50), ms(median.p99), ms(samples[i][0].p99), ms(samples[i][len(samples[i])-1].p99), ms(median.max), median.cpu.Microseconds())
	}
	return nil
}

// alternate takes the servers in turn round by round, so that a noisy
// neighbour hits all of them, and waits for each to be idle again before the
// next: what a server puts off is not to slow the others down, and counts as
// its processor time. The first round warms up.
func alternate(ctx context.Context, rounds int, servers []*server, fire func(*server) (sample, error), n int) ([][]sample, error) {
	samples := make([][]sample, len(servers))
	for round := range rounds + 1 {
		for i, s := range servers {
			before, err := s.settle(ctx)
			if err != nil {
				return nil, err
			}
			got, err := fire(s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			after, err := s.settle(ctx)
			if err != nil {
				return nil, err
			}
			got.cpu = (after - before) / time.Duration(n)
			if round > 0 {
				samples[i] = append(samples[i], got)
			}
		}
	}
	return samples, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// idle watches a server that nobody talks to.
func idle(ctx context.Context, s *server, d time.Duration) error {
	before, err := s.cpu()
	if err != nil {
		return err
	}
	if err := pause(ctx, d); err != nil {
		return err
	}
	after, err := s.cpu()
	if err != nil {
		return err
	}
	rss, err := s.rss()
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "Listening %.0f ms after its start. Idle for %s: %.1f MiB resident, %.2f %% of one core.\n",
		ms(s.ready), d, rss, 100*(after-before).Seconds()/d.Seconds())
	return nil
}
