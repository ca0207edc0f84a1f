package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/palantir/go-githubapp/githubapp"
)

// bareMode makes this program the peer: go-githubapp with its default
// asynchronous scheduler and a handler that does nothing. It keeps events in
// memory only.
const bareMode = "bare-go-githubapp"

type nothing struct{}

func (nothing) Handles() []string { return []string{"workflow_run"} }

func (nothing) Handle(context.Context, string, string, []byte) error { return nil }

func serveBare() {
	secret := os.Getenv("WEBHOOK_SECRET")
	dispatcher := githubapp.NewEventDispatcher([]githubapp.EventHandler{nothing{}}, secret,
		githubapp.WithScheduler(githubapp.QueueAsyncScheduler(10000, 10)))
	mux := http.NewServeMux()
	mux.Handle("/api/github/hook", dispatcher)
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(os.Stdout, "listening http://%s\n", l.Addr())
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(srv.Serve(l))
}
