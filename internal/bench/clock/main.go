// Command clock measures the schedule clock for docs/performance.md: 10,000
// repositories with 100,000 watched workflows in a real database, one hour of a
// fake clock, minute by minute. Only the clock's own work counts, not the
// webhooks between. `make bench` calls it.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
)

func main() {
	log.SetFlags(0)
	var cfg size
	flag.IntVar(&cfg.repositories, "repositories", 10_000, "repositories")
	flag.IntVar(&cfg.workflows, "workflows", 10, "watched workflows of each")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Fprintf(os.Stdout, "%d repositories with %d workflows each, one hour of the clock.\n\n", cfg.repositories, cfg.workflows)
	fmt.Fprintln(os.Stdout, "| schedules | ticks in the hour | processor time a minute, mean | busiest minute | for a tick | heap | database |")
	fmt.Fprintln(os.Stdout, "|---|---|---|---|---|---|---|")
	for _, s := range scenarios {
		if err := measure(ctx, cfg, s); err != nil {
			log.Fatal(fmt.Errorf("bench: %s: %w", s.name, err))
		}
	}
}
