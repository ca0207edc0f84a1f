package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
)

// webhookSecrets splits at commas. An empty entry is refused: go-githubapp
// accepts every unsigned webhook for an empty secret.
func webhookSecrets(s *Server, v string) error {
	s.GitHub.WebhookSecrets = nil
	for _, one := range strings.Split(v, ",") {
		one = strings.TrimSpace(one)
		if one == "" {
			return errors.New("one of the comma-separated secrets is empty: remove the extra comma")
		}
		s.GitHub.WebhookSecrets = append(s.GitHub.WebhookSecrets, Secret(one))
	}
	return nil
}

// minToken is the shortest API token that is taken: 16 characters of hex are
// 64 bits, beyond guessing over a network.
const minToken = 16

func apiToken(s *Server, v string) error {
	if len(v) < minToken {
		return fmt.Errorf("a token of %d characters can be guessed: at least %d are needed", len(v), minToken)
	}
	if strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("only printable ASCII without spaces fits into an HTTP header")
	}
	s.APIToken = Secret(v)
	return nil
}

// databaseURL never repeats the value in an error: it may hold a password.
func databaseURL(s *Server, v string) error {
	scheme, rest, ok := strings.Cut(v, ":")
	if !ok || rest == "" || (scheme != "sqlite" && scheme != "postgres" && scheme != "postgresql") {
		return errors.New("want sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")
	}
	s.DatabaseURL = Secret(v)
	return nil
}

func dataDir(s *Server, v string) error {
	dir, err := filepath.Abs(v)
	if err != nil {
		return err
	}
	s.DataDir = dir
	return nil
}

// webURL takes an absolute http(s) URL without credentials.
func webURL(field *string, v string) error {
	u, err := url.Parse(v)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return errors.New("it is no absolute URL: write https://HOST/")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("a URL without user, query and fragment is needed")
	}
	*field = v
	return nil
}

// githubURL takes a base URL of GitHub. Plain http would send tokens in the
// clear, so it is for loopback only. Paths of go-github are relative to a base
// that ends in a slash, so one is added.
func githubURL(field func(*Server) *string, base bool) func(*Server, string) error {
	return func(s *Server, v string) error {
		if base {
			v = strings.TrimRight(v, "/") + "/"
		}
		if err := webURL(field(s), v); err != nil {
			return err
		}
		if u, _ := url.Parse(v); u.Scheme == "http" && !IsLoopback(u.Hostname()) {
			return errors.New("plain http is accepted on loopback only, since requests carry tokens: write https://")
		}
		return nil
	}
}

// IsLoopback reports whether a host of an address, without the port, is this
// machine only. An empty host is all interfaces.
func IsLoopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// derive fills in what follows from the REST URL: github.com, an Enterprise
// Server (https://HOST/api/v3/), Enterprise Cloud with data residency
// (https://api.SUB.ghe.com/), or a simulated GitHub at the root of a server.
func (g *GitHub) derive() {
	u, err := url.Parse(g.V3URL)
	if err != nil || g.V3URL == defaultV3URL {
		setDefault(&g.V4URL, defaultV4URL)
		setDefault(&g.WebURL, defaultWebURL)
		return
	}
	origin := u.Scheme + "://" + u.Host
	if path, ok := strings.CutSuffix(u.Path, "/api/v3/"); ok {
		setDefault(&g.V4URL, origin+path+"/api/graphql")
	} else {
		setDefault(&g.V4URL, origin+"/graphql")
	}
	setDefault(&g.WebURL, u.Scheme+"://"+strings.TrimPrefix(u.Host, "api.")+"/")
}

// statusOff switches the status page off where there would be a default.
const statusOff = "off"

func statusURL(s *Server, v string) error {
	if v == statusOff {
		s.StatusURL = statusOff
		return nil
	}
	if err := webURL(&s.StatusURL, v); err != nil {
		return err
	}
	if u, _ := url.Parse(v); u.Scheme == "http" && !IsLoopback(u.Hostname()) {
		return errors.New("plain http is accepted on loopback only: write https://")
	}
	return nil
}
