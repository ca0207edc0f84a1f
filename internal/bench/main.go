// Command bench measures what docs/performance.md reports: webhook
// acknowledgements beside a bare go-githubapp server and Probot in the same
// run, and the memory and CPU of an idle `redundancy serve`. Everything runs
// on loopback, in rounds that alternate between the servers, and stops by
// itself. `make bench` calls it.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && os.Args[1] == bareMode {
		serveBare()
		return
	}
	var cfg benchConfig
	flag.StringVar(&cfg.binary, "binary", "./redundancy", "the redundancy binary")
	flag.StringVar(&cfg.probot, "probot", "", "directory with Probot installed; empty leaves it out")
	flag.StringVar(&cfg.payload, "payload", "", "a workflow_run payload; required")
	flag.IntVar(&cfg.requests, "requests", 4000, "requests of one server in one round")
	flag.IntVar(&cfg.rounds, "rounds", 5, "rounds; odd, the median is reported")
	flag.DurationVar(&cfg.steady, "steady", 10*time.Second, "how long each server is sent 200 requests a second in one round")
	flag.DurationVar(&cfg.idle, "idle", 30*time.Second, "how long the idle server is watched")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, cfg); err != nil {
		log.Fatal(fmt.Errorf("bench: %w", err))
	}
}
