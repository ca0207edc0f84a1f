package main

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy"
)

// setupText is what a server without credentials answers.
const setupText = `redundancy is in setup mode: it has no GitHub App yet.

1. Register a GitHub App (https://docs.github.com/apps/creating-github-apps)
   with the permissions and events below, a webhook secret, and
   https://YOUR-HOST/api/github/hook as its webhook URL.
2. Start the server again with
   GITHUB_APP_INTEGRATION_ID, GITHUB_APP_PRIVATE_KEY and GITHUB_APP_WEBHOOK_SECRET.

`

// serveSetup answers nothing but how to go on. A webhook gets 503, so that
// GitHub records it as failed and the sweep can ask for it later.
func serveSetup(ctx context.Context, l net.Listener, log zerolog.Logger) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, `{"status":"setup"}`) })
	mux.HandleFunc("GET /setup", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, setupText, redundancy.Manifest)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, `{"ready":false,"error":"setup mode: no GitHub App credentials are set, see /setup"}`)
	})
	srv := newServer(mux, log)
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	log.Warn().Str("address", l.Addr().String()).Msg("listening in setup mode: no GitHub App credentials are set, only /setup answers")
	if err := srv.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}
