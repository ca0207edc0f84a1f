package config

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// Validate says why the server must not start with these settings. In setup
// mode no credentials are needed, everything else is checked all the same.
// Errors name the setting and what to do about it; all are reported.
func (s Server) Validate() error {
	var errs []error
	if !s.SetupMode() {
		errs = append(errs, s.GitHub.validate())
	}
	if u, err := url.Parse(s.GitHub.V3URL); err == nil && s.GitHub.V3URL != defaultV3URL &&
		u.Path == "/" && !IsLoopback(u.Hostname()) && !strings.HasPrefix(u.Hostname(), "api.") {
		errs = append(errs, fmt.Errorf("GITHUB_V3_API_URL: %s is no API address: for GitHub Enterprise Server write https://%s/api/v3/", s.GitHub.V3URL, u.Host))
	}
	if (s.GitHub.OAuthClientID == "") != (s.GitHub.OAuthClientSecret == "") {
		errs = append(errs, errors.New("GITHUB_OAUTH_CLIENT_ID and GITHUB_OAUTH_CLIENT_SECRET: only one of them is set: set both or none"))
	}
	if host, _, err := net.SplitHostPort(s.Listen); err == nil && !IsLoopback(host) && !s.SignIn() && s.APIToken == "" {
		errs = append(errs, fmt.Errorf("REDUNDANCY_LISTEN: %s is reachable from other machines, where dashboard and API need protection: set GITHUB_OAUTH_CLIENT_ID and GITHUB_OAUTH_CLIENT_SECRET, or REDUNDANCY_API_TOKEN, or listen on 127.0.0.1", s.Listen))
	}
	return errors.Join(errs...)
}

func (g GitHub) validate() error {
	var have, lack []string
	for _, c := range g.given() {
		if c.given {
			have = append(have, c.setting)
		} else {
			lack = append(lack, c.setting)
		}
	}
	if len(have) == 0 { // OAuth alone
		have = []string{"GITHUB_OAUTH_CLIENT_ID"}
	}
	var errs []error
	for _, setting := range lack {
		errs = append(errs, fmt.Errorf("%s: it is empty, but %s is set: set it too, or unset all GITHUB_ credentials for the setup wizard", setting, have[0]))
	}
	if g.PrivateKey != "" {
		if _, err := g.Key(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// maxKeyFile bounds a file that is taken for a private key. A key of 4096 bits
// has 3.2 kB.
const maxKeyFile = 64 << 10

// Key returns the App's private key as PEM. GITHUB_APP_PRIVATE_KEY is the PEM
// text itself (with real or escaped line ends) or the path of a file that
// holds it. Errors name the setting and never hold any of the key.
func (g GitHub) Key() ([]byte, error) {
	text := g.PrivateKey.Reveal()
	if text == "" {
		return nil, errors.New("GITHUB_APP_PRIVATE_KEY: it is empty: set it to PEM text or the path of a file")
	}
	if !strings.Contains(text, "-----BEGIN") {
		data, err := readKeyFile(text)
		if err != nil {
			return nil, fmt.Errorf("GITHUB_APP_PRIVATE_KEY: %w", err)
		}
		text = string(data)
	}
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, `\n`, "\n") // env files hold one line per variable
	}
	if err := checkKey([]byte(text)); err != nil {
		return nil, fmt.Errorf("GITHUB_APP_PRIVATE_KEY: %w: generate a private key on the App's settings page and name its .pem file", err)
	}
	return []byte(text), nil
}

// readKeyFile keeps the text out of errors unless it is surely a path: a key
// whose armour was lost looks like one.
func readKeyFile(path string) ([]byte, error) {
	if len(path) > 4096 || strings.ContainsAny(path, "\n\x00") {
		return nil, errors.New("it is neither PEM text nor the path of a file")
	}
	info, err := os.Stat(path)
	if err != nil {
		var cause *os.PathError
		errors.As(err, &cause)
		if strings.ContainsAny(path[:1], "/.~") && len(path) < 256 {
			return nil, fmt.Errorf("read %s: %w", path, cause.Err)
		}
		return nil, fmt.Errorf("it is neither PEM text nor the path of a readable file: %w", cause.Err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, fmt.Errorf("read %s: it is not a regular file of at most %d bytes", path, maxKeyFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	return data, nil
}

func checkKey(text []byte) error {
	block, _ := pem.Decode(text)
	if block == nil {
		return errors.New("it holds no PEM block")
	}
	switch block.Type {
	case "RSA PRIVATE KEY":
		if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
			return errors.New("its RSA key is damaged")
		}
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if _, ok := key.(*rsa.PrivateKey); err != nil || !ok {
			return errors.New("it is no intact RSA key")
		}
	default:
		return fmt.Errorf("it is a %.40q, not an RSA private key", block.Type)
	}
	return nil
}
