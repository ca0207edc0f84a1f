package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/agent/action"
	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/checks"
	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/commands"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/handlers"
	"github.com/redundancy-app/redundancy/health"
	"github.com/redundancy-app/redundancy/history"
	"github.com/redundancy-app/redundancy/installation"
	"github.com/redundancy-app/redundancy/intake"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/queue/embedded"
	"github.com/redundancy-app/redundancy/repoconfig"
	"github.com/redundancy-app/redundancy/risk"
	"github.com/redundancy-app/redundancy/store"
)

// actionsDir is where the supervisors of local actions keep their journals,
// in the data directory.
const actionsDir = "actions"

// App is a wired server. Run works until its context ends.
type App struct {
	Handler http.Handler

	cfg       config.Server
	log       zerolog.Logger
	clock     clockwork.Clock
	store     *store.Store
	clients   *githubapi.Clients
	queue     *embedded.Queue
	sweeper   *intake.Sweeper
	inbox     *intake.Inbox
	engine    *fallback.Engine
	history   *history.History
	syncer    *installation.Syncer
	actions   *action.Runner
	identity  *identity
	retention *intake.Retention

	stopWithin time.Duration
	stopped    chan struct{} // closed when everything has ended
}

// New wires a server, top to bottom: what stands further down uses what stands
// further up. It opens the database and sends nothing.
func New(ctx context.Context, cfg config.Server, log zerolog.Logger, clock clockwork.Clock) (_ *App, err error) {
	a := &App{cfg: cfg, log: log, clock: clock, stopWithin: stopTotal, stopped: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close(ctx))
		}
	}()
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	key, err := cfg.GitHub.Key()
	if err != nil {
		return nil, err
	}
	if a.store, err = store.Open(ctx, cfg.DatabaseURL.Reveal()); err != nil {
		return nil, fmt.Errorf("REDUNDANCY_DATABASE_URL: %w", err)
	}

	// GitHub.
	a.clients, err = githubapi.New(githubapi.Config{
		BaseURL: cfg.GitHub.V3URL, AppID: cfg.GitHub.AppID, PrivateKey: key, Version: version, Clock: clock, Registerer: metrics,
		OnDormant: func(id int64) { a.syncer.Dormant(id) }, OnAnswer: func(ok bool) { a.engine.Answered(ok) },
	})
	if err != nil {
		return nil, fmt.Errorf("GITHUB_V3_API_URL or GITHUB_APP_PRIVATE_KEY: %w", err)
	}
	if a.identity, err = newIdentity(ctx, a.clients.App(), a.store, cfg.GitHub.AppID, clock); err != nil {
		return nil, err
	}

	// Work that survives the process.
	a.queue, err = embedded.New(embedded.Config{
		Store: a.store, Clock: clock, Log: log, Workers: cfg.Workers, Grace: stopGrace, Classify: githubapi.Classify(clock), Registerer: metrics,
	})
	if err != nil {
		return nil, err
	}
	if a.sweeper, err = newSweeper(a, metrics); err != nil {
		return nil, err
	}
	a.inbox, err = intake.NewInbox(ctx, intake.InboxConfig{
		Store: a.store, Queue: a.queue, Clock: clock, Log: log, Registerer: metrics, Stored: a.sweeper.Stored,
	})
	if err != nil {
		return nil, err
	}
	hook, err := intake.NewHandler(intake.Config{Secrets: webhookSecrets(cfg), Inbox: a.inbox, Log: log, Registerer: metrics})
	if err != nil {
		return nil, fmt.Errorf("GITHUB_APP_WEBHOOK_SECRET: %w", err)
	}

	// What the work is.
	a.syncer = installation.New(installation.Config{
		Clients: a.clients, Store: a.store, Queue: a.queue, Log: log, Clock: clock, Registerer: metrics,
		Awake: func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(a.engine.Wake(ctx, tx), a.history.Wake(ctx, tx))
		},
	})
	loader, err := repoconfig.New(repoconfig.Config{
		Store: a.store, Clients: a.clients, Clock: clock, Registerer: metrics,
		Enrol: func(ctx context.Context, tx *store.Tx, repo queue.Repo, c config.Repository, facts map[string]config.WorkflowFacts) error {
			return errors.Join(a.engine.Enrol(ctx, tx, repo, c, facts), a.history.Enrolled(ctx, tx, repo))
		},
	})
	if err != nil {
		return nil, err
	}
	publisher := &checkrun.Publisher{AppID: cfg.GitHub.AppID}
	validator := checks.New(checks.Config{
		Store: a.store, Queue: a.queue, Clients: a.clients, Publisher: publisher, Clock: clock,
		Configurations: loader, WebURL: cfg.GitHub.WebURL, Registerer: metrics,
	})
	host, err := loadHost(cfg.AgentConfig)
	if err != nil {
		return nil, err
	}
	warnOfOpenActions(log, host)
	a.actions, err = action.New(action.Config{Dir: filepath.Join(cfg.DataDir, actionsDir), Actions: host.Actions})
	if err != nil {
		return nil, err
	}
	page, err := statusPage(cfg.StatusURL)
	if err != nil {
		return nil, fmt.Errorf("REDUNDANCY_STATUS_URL: %w", err)
	}
	a.engine = fallback.New(fallback.Config{
		Store: a.store, Queue: a.queue, Clock: clock, Clients: a.clients, Configs: engineConfigs{loader}, Publisher: publisher,
		Actions: a.actions, BotLogin: a.identity.BotLogin, Logs: a.clients, StatusPage: page,
		Log: log, Registerer: metrics, Scale: cfg.PollScale, Budgets: fallback.Budgets{}.Times(cfg.BudgetScale),
	})
	a.history = history.New(history.Config{
		Store: a.store, Queue: a.queue, Clients: a.clients, Engine: a.engine, Clock: clock, BotLogin: a.identity.BotLogin, Registerer: metrics, Scale: cfg.PollScale,
	})
	replies := commands.New(commands.Config{
		Store: a.store, Queue: a.queue, Clock: clock, Clients: a.clients, Engine: a.engine, BotLogin: a.identity.BotLogin, Registerer: metrics,
	})
	deliveries, err := intake.NewWorker(a.store, a.inbox, clock, handlers.All(handlers.Config{
		Store: a.store, Queue: a.queue, Clock: clock, Runs: a.engine, AppID: cfg.GitHub.AppID, BotLogin: a.identity.BotLogin, Registerer: metrics,
	}))
	if err != nil {
		return nil, err
	}
	a.inbox.HandleDirectly(ctx, deliveries)
	a.retention = &intake.Retention{Store: a.store, Clock: clock, Age: cfg.Retention.Std()}

	// Who does it.
	a.queue.Handle(queue.ProcessDelivery{}.Kind(), queue.Worker{Work: deliveries.Work, Timeout: 30 * time.Second})
	a.queue.Handle(queue.ValidateCommit{}.Kind(), queue.Worker{Work: validator.Work, Timeout: checks.Timeout})
	a.queue.Handle(queue.LoadConfig{}.Kind(), queue.Worker{Work: loader.Work})
	a.queue.Handle(queue.SyncInstallation{}.Kind(), queue.Worker{Work: a.syncer.Work, Timeout: 10 * time.Minute})
	engineWorkers := a.engine.Workers()
	for _, kind := range []string{queue.Recover{}.Kind(), queue.PauseTarget{}.Kind()} {
		asked := engineWorkers[kind]
		asked.Work = commands.Verified(a.clients, asked.Work) // whoever pressed a button may have lost the right since
		engineWorkers[kind] = asked
	}
	for _, workers := range []map[string]queue.Worker{engineWorkers, replies.Workers(), a.history.Workers()} {
		for kind, w := range workers {
			a.queue.Handle(kind, w)
		}
	}

	// What people and their tools see.
	mux := http.NewServeMux()
	mux.Handle("/api/github/hook", hook)
	mux.Handle("/", api.New(api.Config{
		Token: cfg.APIToken.Reveal(), Version: version, StartedAt: clock.Now().UTC(), Clock: clock, Log: log, Gatherer: metrics, Registerer: metrics, OpenMetrics: onLoopback(cfg.Listen),
		Checks: a.readiness(), Incidents: a.engine, Claims: a.engine, Pauses: a.engine, Repositories: a.store, Deliveries: storedDeliveries{a.store, a.queue}, Jobs: a.queue,
		Scans: a.store, Downtime: a.sweeper.Downtime,
		Scores: health.New(health.Config{Store: a.store, Clock: clock}), Risk: risk.New(a.store, clock),
	}))
	a.Handler = mux
	return a, nil
}

// onLoopback reports whether an address is reachable from this machine only.
func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && config.IsLoopback(host)
}

func webhookSecrets(cfg config.Server) []string {
	var out []string
	for _, s := range cfg.GitHub.WebhookSecrets {
		out = append(out, s.Reveal())
	}
	return out
}
