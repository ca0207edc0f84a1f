package config

import (
	"net"
	"path/filepath"
	"time"
)

// Defaults of the server's settings.
const (
	DefaultListen       = "127.0.0.1:8080"
	DefaultAgentListen  = "127.0.0.1:8443"
	DefaultRetention    = Duration(14 * day)
	DefaultDrainTimeout = Duration(15 * time.Second)
	maxDrainTimeout     = Duration(20 * time.Second) // leaves the rest of a shutdown 10 of the 30 s that orchestrators give by default
	DefaultWorkers      = 16
	defaultV3URL        = "https://api.github.com/"
	// DefaultStatusURL is the status page of github.com, in the format of
	// Atlassian Statuspage: https://www.githubstatus.com/api#summary.
	DefaultStatusURL = "https://www.githubstatus.com/api/v2/summary.json"
	defaultV4URL     = "https://api.github.com/graphql"
	defaultWebURL    = "https://github.com/"
	databaseFile     = "redundancy.db"
	agentFile        = "agent.yml"
)

// Server holds the settings of `redundancy serve`.
type Server struct {
	GitHub      GitHub
	Listen      string // HTTP: webhooks, dashboard, API
	AgentListen string // gRPC for agents
	PublicURL   string // without a slash at the end; what GitHub and browsers are told
	DatabaseURL Secret // may hold a password; "sqlite:PATH" or "postgres://…"
	DataDir     string // absolute
	APIToken    Secret // bearer token of /api/v1; empty until [Server.Prepare] when it is to be generated
	AgentConfig string // agent.yml of this host
	LogLevel    string // trace, debug, info, warn, error
	LogFormat   string // json, console
	PollScale   float64
	BudgetScale float64  // multiplies the budgets of re-runs and dispatches
	Retention   Duration // of deliveries that are done
	Drain       Duration // how long running jobs may take to end at shutdown
	Workers     int      // jobs at a time
	StatusURL   string   // of GitHub's public status page; "" means that it is not asked
}

// GitHub says where GitHub is and who the App is there.
type GitHub struct {
	V3URL  string // REST, with a slash at the end
	V4URL  string // GraphQL
	WebURL string // with a slash at the end

	AppID          int64
	PrivateKey     Secret   // PEM text or the path of a file; read it by [GitHub.Key]
	WebhookSecrets []Secret // any of them is accepted: several during a rotation

	OAuthClientID     string
	OAuthClientSecret Secret
}

// given lists the credentials by setting, with whether each is there.
func (g GitHub) given() []credential {
	return []credential{
		{"GITHUB_APP_INTEGRATION_ID", g.AppID != 0},
		{"GITHUB_APP_PRIVATE_KEY", g.PrivateKey != ""},
		{"GITHUB_APP_WEBHOOK_SECRET", len(g.WebhookSecrets) > 0},
	}
}

type credential struct {
	setting string
	given   bool
}

// SetupMode reports that no GitHub credentials are given at all: only the
// setup wizard answers. Some but not all of them are an error of
// [Server.Validate] instead.
func (s Server) SetupMode() bool {
	for _, c := range s.GitHub.given() {
		if c.given {
			return false
		}
	}
	return s.GitHub.OAuthClientID == "" && s.GitHub.OAuthClientSecret == ""
}

// SignIn reports whether people can sign in with GitHub.
func (s Server) SignIn() bool {
	return s.GitHub.OAuthClientID != "" && s.GitHub.OAuthClientSecret != ""
}

// Scale divides a detection interval, grace or cool-down by
// REDUNDANCY_POLL_SCALE, so that tests and demos run the real code with small
// clocks. A span above zero stays above zero: tickers do not take it otherwise.
func (s Server) Scale(d time.Duration) time.Duration {
	if s.PollScale == 1 || s.PollScale <= 0 || d <= 0 {
		return d
	}
	scaled := float64(d) / s.PollScale
	if scaled >= float64(MaxDuration) { // a scale far below 1
		return max(d, MaxDuration.Std())
	}
	return max(time.Millisecond, time.Duration(scaled))
}

func (s *Server) setDefaults() {
	setDefault(&s.DatabaseURL, Secret("sqlite:"+filepath.Join(s.DataDir, databaseFile)))
	setDefault(&s.AgentConfig, filepath.Join(s.DataDir, agentFile))
	setDefault(&s.PublicURL, "http://"+reachable(s.Listen))
	s.GitHub.derive()
	switch {
	case s.StatusURL == statusOff:
		s.StatusURL = ""
	case s.StatusURL == "" && s.GitHub.V3URL == defaultV3URL:
		s.StatusURL = DefaultStatusURL
	}
}

// reachable is an address that a browser on this machine can open.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return listen
}
