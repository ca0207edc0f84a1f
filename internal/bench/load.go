package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sample is one round against one server.
type sample struct {
	rate     float64 // acknowledged requests per second
	p50, p99 time.Duration
}

// fire posts n signed deliveries, each with a GUID of its own, over conns
// keep-alive connections, and fails on the first answer that is not 2xx.
func fire(ctx context.Context, url, secret string, body []byte, n, conns int) (sample, error) {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	signature := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns},
		Timeout:   30 * time.Second,
	}
	defer client.CloseIdleConnections()
	took := make([]time.Duration, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, conns)
	start := time.Now() //nolint:forbidigo // a benchmark measures wall time
	for range conns {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				d, err := post(ctx, client, url, signature, body)
				if err != nil {
					errs <- err
					return
				}
				took[i] = d
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	select {
	case err := <-errs:
		return sample{}, err
	default:
	}
	slices.Sort(took)
	return sample{
		rate: float64(n) / elapsed.Seconds(),
		p50:  took[n/2],
		p99:  took[n*99/100],
	}, ctx.Err()
}

func post(ctx context.Context, client *http.Client, url, signature string, body []byte) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "workflow_run")
	req.Header.Set("X-GitHub-Delivery", guid())
	req.Header.Set("X-Hub-Signature-256", signature)
	start := time.Now() //nolint:forbidigo // a benchmark measures wall time
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, err
	}
	if resp.StatusCode/100 != 2 {
		return 0, fmt.Errorf("post to %s: %s", url, resp.Status)
	}
	return time.Since(start), nil
}

func guid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
