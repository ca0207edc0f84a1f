package config

import (
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Setting describes one of the server's settings: where it can be set, and
// what it means. Precedence is flag, environment, file, default.
type Setting struct {
	Env     string // environment variable
	Flag    string // without the dashes; empty for secrets, which do not belong on a command line
	Key     string // in the file of --config, with dots for nested keys
	Default string // as text; empty when it is derived or there is none
	Usage   string // one clause
	Secret  bool

	set func(*Server, string) error
}

// Settings lists all settings of the server, for flags and documentation.
func Settings() []Setting { return slices.Clone(settings) }

var settings = []Setting{
	{Env: "REDUNDANCY_LISTEN", Flag: "listen", Key: "listen", Default: DefaultListen, Usage: "HTTP `HOST:PORT` of webhooks, dashboard and API",
		set: address(func(s *Server) *string { return &s.Listen })},
	{Env: "REDUNDANCY_AGENT_LISTEN", Flag: "agent-listen", Key: "agent_listen", Default: DefaultAgentListen, Usage: "gRPC `HOST:PORT` for agents",
		set: address(func(s *Server) *string { return &s.AgentListen })},
	{Env: "REDUNDANCY_PUBLIC_URL", Flag: "public-url", Key: "public_url", Usage: "`URL` that GitHub and browsers are told (default: from the listen address)",
		set: func(s *Server, v string) error { return webURL(&s.PublicURL, strings.TrimRight(v, "/")) }},
	{Env: "REDUNDANCY_DATABASE_URL", Key: "database_url", Usage: "database (default: sqlite: file in the data directory)", Secret: true,
		set: databaseURL},
	{Env: "REDUNDANCY_DATA_DIR", Flag: "data-dir", Key: "data_dir", Usage: "`DIR` of database, keys and certificates (default: $XDG_STATE_HOME/redundancy)",
		set: dataDir},
	{Env: "REDUNDANCY_API_TOKEN", Key: "api_token", Usage: "bearer token of /api/v1 (default: generated into the data directory)", Secret: true,
		set: apiToken},
	{Env: "REDUNDANCY_AGENT_CONFIG", Flag: "agent-config", Key: "agent_config", Usage: "`FILE` that says what may run on this host (default: agent.yml in the data directory)",
		set: text(func(s *Server) *string { return &s.AgentConfig })},
	{Env: "REDUNDANCY_LOG_LEVEL", Flag: "log-level", Key: "log_level", Default: "info", Usage: "`LEVEL`: trace, debug, info, warn or error",
		set: oneOf(func(s *Server) *string { return &s.LogLevel }, "trace", "debug", "info", "warn", "error")},
	{Env: "REDUNDANCY_LOG_FORMAT", Flag: "log-format", Key: "log_format", Usage: "`FORMAT`: json or console (default: json, console on a terminal)",
		set: oneOf(func(s *Server) *string { return &s.LogFormat }, "json", "console")},
	{Env: "REDUNDANCY_POLL_SCALE", Flag: "poll-scale", Key: "poll_scale", Default: "1", Usage: "`NUMBER` that divides every interval, grace and cool-down; for tests and demos",
		set: factor(func(s *Server) *float64 { return &s.PollScale })},
	{Env: "REDUNDANCY_BUDGET_SCALE", Flag: "budget-scale", Key: "budget_scale", Default: "1", Usage: "`NUMBER` that multiplies the budgets of re-runs and dispatches, but not that of one incident",
		set: factor(func(s *Server) *float64 { return &s.BudgetScale })},
	{Env: "REDUNDANCY_RETENTION", Flag: "retention", Key: "retention", Default: "14d", Usage: "`SPAN` for which processed deliveries are kept",
		set: span(func(s *Server) *Duration { return &s.Retention }, MaxDuration)},
	{Env: "REDUNDANCY_DRAIN_TIMEOUT", Flag: "drain-timeout", Key: "drain_timeout", Default: "15s", Usage: "`SPAN` that running jobs have to end at shutdown",
		set: span(func(s *Server) *Duration { return &s.Drain }, maxDrainTimeout)},
	{Env: "REDUNDANCY_STATUS_URL", Flag: "status-url", Key: "status_url", Usage: "`URL` of GitHub's status page, shown while runs do not begin; off: never asked (default: that of github.com, off for others)",
		set: statusURL},
	{Env: "REDUNDANCY_WORKERS", Flag: "workers", Key: "workers", Default: strconv.Itoa(DefaultWorkers), Usage: "`NUMBER` of jobs at a time",
		set: workers},

	{Env: "GITHUB_V3_API_URL", Flag: "github-v3-api-url", Key: "github.v3_api_url", Default: defaultV3URL, Usage: "REST `URL`; https://HOST/api/v3/ for GitHub Enterprise Server",
		set: githubURL(func(s *Server) *string { return &s.GitHub.V3URL }, true)},
	{Env: "GITHUB_V4_API_URL", Flag: "github-v4-api-url", Key: "github.v4_api_url", Usage: "GraphQL `URL` (default: from the REST one)",
		set: githubURL(func(s *Server) *string { return &s.GitHub.V4URL }, false)},
	{Env: "GITHUB_WEB_URL", Flag: "github-web-url", Key: "github.web_url", Usage: "`URL` of GitHub's pages (default: from the REST one)",
		set: githubURL(func(s *Server) *string { return &s.GitHub.WebURL }, true)},
	{Env: "GITHUB_APP_INTEGRATION_ID", Flag: "github-app-integration-id", Key: "github.app.integration_id", Usage: "`ID` of the GitHub App",
		set: appID},
	{Env: "GITHUB_APP_PRIVATE_KEY", Key: "github.app.private_key", Usage: "the App's private key: PEM text or the path of a file", Secret: true,
		set: secret(func(s *Server) *Secret { return &s.GitHub.PrivateKey })},
	{Env: "GITHUB_APP_WEBHOOK_SECRET", Key: "github.app.webhook_secret", Usage: "webhook secret; several with commas during a rotation", Secret: true,
		set: webhookSecrets},
	{Env: "GITHUB_OAUTH_CLIENT_ID", Flag: "github-oauth-client-id", Key: "github.oauth.client_id", Usage: "`ID` for signing in with GitHub",
		set: text(func(s *Server) *string { return &s.GitHub.OAuthClientID })},
	{Env: "GITHUB_OAUTH_CLIENT_SECRET", Key: "github.oauth.client_secret", Usage: "secret for signing in with GitHub", Secret: true,
		set: secret(func(s *Server) *Secret { return &s.GitHub.OAuthClientSecret })},
}

func text(field func(*Server) *string) func(*Server, string) error {
	return func(s *Server, v string) error { *field(s) = v; return nil }
}

func secret(field func(*Server) *Secret) func(*Server, string) error {
	return func(s *Server, v string) error { *field(s) = Secret(v); return nil }
}

func oneOf(field func(*Server) *string, accepted ...string) func(*Server, string) error {
	return func(s *Server, v string) error {
		if !slices.Contains(accepted, v) {
			return fmt.Errorf("%.40q is not one of %s", v, strings.Join(accepted, ", "))
		}
		*field(s) = v
		return nil
	}
}

func span(field func(*Server) *Duration, most Duration) func(*Server, string) error {
	return func(s *Server, v string) error {
		if err := field(s).UnmarshalText([]byte(v)); err != nil {
			return err
		}
		if *field(s) > most {
			return fmt.Errorf("%s is longer than %s", *field(s), most)
		}
		return nil
	}
}

func address(field func(*Server) *string) func(*Server, string) error {
	return func(s *Server, v string) error {
		host, port, err := net.SplitHostPort(v)
		if err != nil || strings.ContainsAny(host, "/ ") {
			return fmt.Errorf("%.100q is no address: write HOST:PORT, such as %s", v, DefaultListen)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("port %.20q is not a number from 0 to 65535", port)
		} else {
			*field(s) = net.JoinHostPort(host, strconv.FormatUint(n, 10))
		}
		return nil
	}
}

// factor is a number above 0.
func factor(field func(*Server) *float64) func(*Server, string) error {
	return func(s *Server, v string) error {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || !(f > 0) || math.IsInf(f, 0) {
			return fmt.Errorf("%.40q is no number above 0", v)
		}
		*field(s) = f
		return nil
	}
}

func workers(s *Server, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 1000 {
		return fmt.Errorf("%.40q is no number from 1 to 1000", v)
	}
	s.Workers = n
	return nil
}

func appID(s *Server, v string) error {
	n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	if err != nil || n <= 0 {
		return fmt.Errorf("%.40q is no App ID: copy the number from the App's settings page", v)
	}
	s.GitHub.AppID = n
	return nil
}
