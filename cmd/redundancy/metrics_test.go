package main

import (
	"net"
	"net/http"
	"testing"
)

// TestMetricsNeedTheTokenBeyondLoopback: they name installations.
func TestMetricsNeedTheTokenBeyondLoopback(t *testing.T) {
	gh, bin := startGitHub(t), program(t)
	const token = "the-token-of-this-test"
	for _, tt := range []struct {
		listen string
		open   int
	}{{"127.0.0.1:0", http.StatusOK}, {"[::1]:0", http.StatusOK}, {"0.0.0.0:0", http.StatusUnauthorized}, {":0", http.StatusUnauthorized}} {
		t.Run(tt.listen, func(t *testing.T) {
			if probe, err := net.Listen("tcp", tt.listen); err != nil {
				t.Skip(err)
			} else {
				_ = probe.Close()
			}
			c := start(t, bin, gh, t.TempDir(), "REDUNDANCY_LISTEN="+tt.listen, "REDUNDANCY_API_TOKEN="+token)
			if code, _ := get(t, c, "/metrics", ""); code != tt.open {
				t.Errorf("without a token: %d, want %d", code, tt.open)
			}
			if code, _ := get(t, c, "/metrics", token); code != http.StatusOK {
				t.Errorf("with the token: %d", code)
			}
			if code, _ := get(t, c, "/healthz", ""); code != http.StatusOK {
				t.Errorf("/healthz: %d", code)
			}
		})
	}
}
