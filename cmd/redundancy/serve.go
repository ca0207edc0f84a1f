package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/intake"
)

func newServe() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the App: webhooks, validation, recovery, API",
		Args:  cobra.NoArgs,
	}
	cmd.Flags().StringVar(&file, "config", "", "`FILE` with settings (YAML)")
	for _, s := range config.Settings() {
		if s.Flag != "" {
			cmd.Flags().String(s.Flag, "", s.Usage+" ["+s.Env+"]")
		}
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		flags := map[string]string{}
		for _, s := range config.Settings() {
			if s.Flag != "" && cmd.Flags().Changed(s.Flag) {
				flags[s.Flag] = cmd.Flags().Lookup(s.Flag).Value.String()
			}
		}
		cfg, err := config.LoadServer(config.Sources{Flags: flags, Getenv: os.Getenv, File: file, Terminal: isTerminal(os.Stderr)})
		if err != nil {
			return err
		}
		return serve(cmd.Context(), cfg)
	}
	return cmd
}

// serve runs until ctx ends. What it refuses to start with is an error that
// names the setting.
func serve(ctx context.Context, cfg config.Server) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if err := cfg.Prepare(); err != nil {
		return err
	}
	log := newLogger(cfg)
	ctx = log.WithContext(ctx)
	l, err := listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	if cfg.SetupMode() {
		return serveSetup(ctx, l, log)
	}
	app, err := New(ctx, cfg, log, clockwork.NewRealClock())
	if err != nil {
		return errors.Join(err, l.Close())
	}
	return app.Run(ctx, l)
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("REDUNDANCY_LISTEN: %s is in use by another process: end it, or choose another address", address)
	}
	if err != nil {
		return nil, fmt.Errorf("REDUNDANCY_LISTEN: %w", err)
	}
	return l, nil
}

// newServer is an http.Server with the limits that webhooks need.
func newServer(h http.Handler, log zerolog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: intake.ReadHeaderTimeout,
		ReadTimeout:       intake.ReadTimeout,
		WriteTimeout:      intake.WriteTimeout,
		IdleTimeout:       intake.IdleTimeout,
		MaxHeaderBytes:    intake.MaxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return log.WithContext(context.Background()) },
	}
}

func newLogger(cfg config.Server) zerolog.Logger {
	level, err := zerolog.ParseLevel(cfg.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel
	}
	log := zerolog.New(os.Stderr)
	if cfg.LogFormat == "console" {
		log = zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: time.TimeOnly})
	}
	return log.Level(level).With().Timestamp().Logger()
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && !strings.EqualFold(os.Getenv("TERM"), "dumb")
}
