package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sample is one round against one server.
type sample struct {
	rate          float64 // acknowledged requests per second
	p50, p99, max time.Duration
	cpu           time.Duration // of the server, per request, until it was idle again
}

// load is what is sent: one body, signed once.
type load struct {
	body      []byte
	signature string
}

func newLoad(body []byte, secret string) load {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return load{body, "sha256=" + hex.EncodeToString(mac.Sum(nil))}
}

// closedLoop posts n deliveries, each with a GUID of its own, over conns
// keep-alive connections as fast as the server answers, and fails on the first
// answer that is not 2xx.
func closedLoop(ctx context.Context, s *server, l load, n, conns int) (sample, error) {
	took := make([]time.Duration, n)
	var next atomic.Int64
	start := time.Now() //nolint:forbidigo // a benchmark measures wall time
	err := each(conns, func() error {
		c, err := dial(ctx, s.address, l)
		if err != nil {
			return err
		}
		defer c.close()
		for {
			i := int(next.Add(1)) - 1
			if i >= n || ctx.Err() != nil {
				return ctx.Err()
			}
			began := time.Now() //nolint:forbidigo // a benchmark measures wall time
			if err := c.post(); err != nil {
				return err
			}
			took[i] = time.Since(began)
		}
	})
	elapsed := time.Since(start)
	got := summary(took)
	got.rate = float64(n) / elapsed.Seconds()
	return got, err
}

// openLoop posts n deliveries at a fixed rate whatever the server does. The
// time of each runs from the moment it was due, so that a server that stands
// still is charged for everything that had to wait.
func openLoop(ctx context.Context, s *server, l load, n, perSecond int) (sample, error) {
	const conns = 32
	took := make([]time.Duration, n)
	var next atomic.Int64
	start := time.Now() //nolint:forbidigo // a benchmark measures wall time
	err := each(conns, func() error {
		c, err := dial(ctx, s.address, l)
		if err != nil {
			return err
		}
		defer c.close()
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return nil
			}
			due := start.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
			if err := pause(ctx, time.Until(due)); err != nil {
				return err
			}
			if err := c.post(); err != nil {
				return err
			}
			took[i] = time.Since(due)
		}
	})
	got := summary(took)
	got.rate = float64(n) / time.Since(start).Seconds()
	return got, err
}

func summary(took []time.Duration) sample {
	slices.Sort(took)
	n := len(took)
	return sample{p50: took[n/2], p99: took[n*99/100], max: took[n-1]}
}

// each runs f n times in parallel.
func each(n int, f func() error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d): //nolint:forbidigo // a benchmark measures wall time
		return nil
	}
}
